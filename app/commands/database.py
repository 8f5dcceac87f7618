"""For commands that use the database: without one they say in a sentence what to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

MISSING = "the database is not set up, or older than this program: start `make run`, or run `flask db upgrade`"
UNREACHABLE = "the database cannot be reached: is it running, and is DATABASE_URL right? (docs/settings.md)"


P = ParamSpec("P")
R = TypeVar("R")


def uses_database(command: Callable[P, R]) -> Callable[P, R]:
    """The command, refused with a sentence (exit 1) when the database cannot be reached or lacks a table."""

    @wraps(command)
    def looked_first(*args: P.args, **kwargs: P.kwargs) -> R:
        from sqlalchemy import inspect
        from sqlalchemy.exc import OperationalError

        from app.extensions import db

        try:
            there = set(inspect(db.engine).get_table_names())
        except OperationalError:
            raise click.ClickException(UNREACHABLE) from None
        if set(db.metadata.tables) - there:
            raise click.ClickException(MISSING)
        return command(*args, **kwargs)

    return looked_first
