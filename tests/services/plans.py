"""How the database would find what is asked for, for tests and the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text

from app.extensions import db
from app.models import Staff
from app.services.review import leases
from app.services.review.queue_filters import Filters, asks
from app.services.review.review_queue import next_free

PLANS = {
    "the next order": Filters(),
    "the next by deadline": Filters(sort="deadline"),
    "the next to review": Filters(verdict="review", sort="verdict"),
    "the next passed by deadline": Filters(verdict="passed", sort="deadline"),
    "the next with a fault": Filters(check="expression"),
    "the next resubmission": Filters(kind="resubmitted", sort="resubmitted"),
    "the next appeal": Filters(kind="appeal"),
    "resubmissions first": Filters(sort="resubmitted"),
    "the next that was asked for": Filters(kind="asked"),
    "the next of the sample": Filters(kind="sample"),
    "the next rejected for its light": Filters(reason="light"),
}
"""What reviewers ask for, and the filters of it."""


def plan(staff: Staff, filters: Filters) -> list[str]:
    """The plan's lines."""
    who = asks(staff) | leases.asks(staff, "tab") | {"skipped": [0]}
    query = next_free(filters, bound=bool(staff.school_ids)).params(who)
    compiled = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    word = "EXPLAIN" if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return [str(row[-1]).strip() for row in db.session.connection().exec_driver_sql(f"{word} {compiled}")]


@contextmanager
def listening() -> Iterator[list[tuple[str, Any]]]:
    """Every question that is put to the database meanwhile, with its values."""
    asked: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", keep)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", keep)


def explained(statement: str, values: Any, *, only_indexes: bool = False) -> list[str]:
    """PostgreSQL's plan; `only_indexes` forbids whole scans where there is any other way, else the plan is timed."""
    with db.engine.connect() as connection:
        if only_indexes:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        word = "EXPLAIN" if only_indexes else "EXPLAIN ANALYZE"
        return [str(row[0]).strip() for row in connection.exec_driver_sql(f"{word} {statement}", values)]
