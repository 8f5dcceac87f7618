"""Chinese by default, English complete; the switch stands on every page."""

from __future__ import annotations

from flask import Flask, request, session
from flask_babel import get_locale

LOCALES = {"zh": "中文", "en": "English"}


def chosen() -> str:
    """The visitor's language: what they switched to, else what the browser prefers of ours, else Chinese."""
    picked = session.get("locale")
    if picked in LOCALES:
        return str(picked)
    return request.accept_languages.best_match(list(LOCALES)) or "zh"


def init_app(app: Flask) -> None:
    """Offer the language to templates."""

    @app.context_processor
    def offer() -> dict[str, object]:
        return {"locales": LOCALES, "current_locale": str(get_locale() or "zh")}
