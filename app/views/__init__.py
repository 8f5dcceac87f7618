"""Blueprints, one per file: HTTP only. Read input, ask one service, choose page or fragment."""

from __future__ import annotations

from importlib import import_module

from flask import Flask

BLUEPRINTS = (
    "site",
    "me",
    "sign_in",
    "student",
    "pay",
    "staff",
    "review",
    "requests",
    "production",
    "downloads",
    "schools",
    "campaigns",
    "rosters",
    "delivery",
    "onsite",
    "finance",
    "admin",
    "photo_rules",
    "ops",
)
"""Modules of this package; each has a blueprint `bp` of the same name."""


def register_views(app: Flask) -> None:
    """Register every blueprint and the error pages."""
    from app.views import assets, errors, navigation, ops

    for name in BLUEPRINTS:
        app.register_blueprint(import_module(f"app.views.{name}").bp)
    if app.config["MODE"] == "demo":
        app.register_blueprint(import_module("app.views.demo").bp)
    ops.mount_dashboard(app)
    navigation.init_app(app)
    assets.init_app(app)
    errors.init_app(app)
