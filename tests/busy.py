"""Somebody else writes, and nobody waits for them for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, update

from app.extensions import db
from app.models import School


def _hurry(connection: Any, _record: Any, _proxy: Any) -> None:
    connection.execute("PRAGMA busy_timeout = 50")


@contextmanager
def somebody_writes() -> Iterator[None]:
    """Another connection holds every school's row (on SQLite everything), and others wait for 50 ms there."""
    db.session.rollback()
    sqlite = db.engine.dialect.name == "sqlite"
    if sqlite:
        event.listen(db.engine, "checkout", _hurry)
    try:
        with db.engine.connect().execution_options(begin_immediate=True) as other, other.begin():
            other.execute(update(School).values(name="甲大学"))
            yield
    finally:
        if sqlite:
            event.remove(db.engine, "checkout", _hurry)
