"""The unit of work: one write transaction, then what must happen only after it was kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.extensions import db

log = logging.getLogger(__name__)


@dataclass
class Unit:
    """What a service holds while it writes; `after_commit` hooks are dropped when the transaction fails."""

    hooks: list[Callable[[], object]] = field(default_factory=list)

    def after_commit(self, hook: Callable[[], object]) -> None:
        """Run `hook` once the transaction is kept. It must be harmless to lose: `flask sweep` repeats it."""
        self.hooks.append(hook)


@contextmanager
def unit_of_work() -> Iterator[Unit]:
    """One write transaction.

    What was read before is rolled back first: on SQLite a deferred transaction that reads and then writes fails at
    once with "database is locked" whatever the busy timeout, so writing starts with BEGIN IMMEDIATE. A failed hook is
    logged, never raised: the data are already safe. Raises RuntimeError when units are nested.
    """
    session = db.session
    if session().info.get("unit"):
        raise RuntimeError("units of work do not nest: pass the open one")
    session.rollback()
    session.connection(execution_options={"begin_immediate": True})
    session().info["unit"] = True
    unit = Unit()
    try:
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
