"""Chinese by default, English complete; the switch stands on every page."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, request, session
from flask_babel import get_locale, get_translations

LOCALES = {"zh": "中文", "en": "English"}


def chosen() -> str:
    """The visitor's language: what they switched to, else what the browser prefers of ours, else Chinese."""
    picked = session.get("locale")
    if picked in LOCALES:
        return str(picked)
    return request.accept_languages.best_match(list(LOCALES)) or "zh"


def catalogue() -> Any:
    """The texts in the visitor's language, looked up once for a request: a page asks for some hundred."""
    if "catalogue" not in g:
        g.catalogue = get_translations()
    return g.catalogue


def init_app(app: Flask) -> None:
    """Offer the language to templates, and every text in it."""
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=lambda text: catalogue().ugettext(text),
        ngettext=lambda one, many, number: catalogue().ungettext(one, many, number),
        newstyle=True,
    )

    @app.context_processor
    def offer() -> dict[str, object]:
        return {"locales": LOCALES, "current_locale": str(get_locale() or "zh")}
