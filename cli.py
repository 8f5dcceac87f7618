"""The flask commands: each a few lines that call a service."""

from __future__ import annotations

from importlib import import_module

from flask import Flask

COMMANDS = ("app.commands.checking", "app.commands.production", "app.commands.upkeep")
"""Modules with `register(app)`; they import what is heavy inside the command."""


def init_app(app: Flask) -> None:
    """Add every command to `flask`."""
    for name in COMMANDS:
        import_module(name).register(app)
