"""采像 Caixiang: graduation portraits from a phone photo to a verified batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """The Flask application. Imported inside: the checker child loads `app.rules` without Flask."""
    from app.factory import build

    return build(overrides)
