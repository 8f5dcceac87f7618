"""The unit of work: one write transaction, then what must happen only after it was kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError, OperationalError

from app.extensions import db

log = logging.getLogger(__name__)


_SQLITE_BUSY = (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED, https://www.sqlite.org/rescode.html
_SQLITE_TWIN = (1555, 2067)  # SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE
_POSTGRESQL_BUSY = ("40001", "40P01", "53300", "55P03")  # serialization, deadlock, connections, lock; errcodes-appendix


def only_busy(error: OperationalError) -> bool:
    """Whether the database had only too much to do: the unit was rolled back, and the same again may succeed."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_BUSY
    return getattr(error.orig, "sqlstate", None) in _POSTGRESQL_BUSY


def only_twin(error: IntegrityError) -> bool:
    """Whether a row with the same unique value was there first: somebody did the same at the same moment."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code in _SQLITE_TWIN
    return getattr(error.orig, "sqlstate", None) == "23505"


@dataclass
class Unit:
    """What a service holds while it writes; `after_commit` hooks are dropped when the transaction fails."""

    hooks: list[Callable[[], object]] = field(default_factory=list)

    def after_commit(self, hook: Callable[[], object]) -> None:
        """Run `hook` once the transaction is kept. It must be harmless to lose: `flask sweep` repeats it."""
        self.hooks.append(hook)


def _begin(session: Any, patience: float | None) -> None:
    connection = session.connection(execution_options={"begin_immediate": True, "patience": patience})
    if patience and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience * 1000:.0f}")


@contextmanager
def unit_of_work(patience: float | None = None) -> Iterator[Unit]:
    """One write transaction; `patience`: seconds to wait for others that write, where the database's own are too long.

    What was read before is rolled back first: on SQLite a deferred transaction that reads and then writes fails at
    once with "database is locked" whatever the busy timeout, so writing starts with BEGIN IMMEDIATE. A failed hook is
    logged, never raised: the data are already safe. Raises RuntimeError when units are nested.
    """
    session = db.session
    if session().info.get("unit"):
        raise RuntimeError("units of work do not nest: pass the open one")
    session.rollback()
    session().info["unit"] = True
    unit = Unit()
    try:
        _begin(session, patience)
        yield unit
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session().info.pop("unit", None)
    for hook in unit.hooks:
        try:
            hook()
        except Exception:
            log.exception("after_commit_failed")
