"""采像 Caixiang: graduation portraits from a phone photo to a verified batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """The Flask application; imported inside, so that `app.rules` loads without Flask (the checker child needs that)."""
    from app.factory import build

    return build(overrides)
