"""How the database would find the next order, for tests and the benchmark."""

from __future__ import annotations

from app.extensions import db
from app.models import Order, Staff
from app.services import leases, review_queue
from app.services.review_queue import CANDIDATES, Filters

PLANS = {
    "the next order": Filters(),
    "the next by deadline": Filters(sort="deadline"),
    "the next to review": Filters(verdict="review", sort="verdict"),
    "the next with a fault": Filters(check="expression"),
    "the next resubmission": Filters(kind="resubmitted", sort="resubmitted"),
    "the next appeal": Filters(kind="appeal"),
}
"""What reviewers ask for, and the filters of it."""


def plan(staff: Staff, filters: Filters) -> list[str]:
    """The plan's lines."""
    query = review_queue.waiting(staff, filters).with_only_columns(Order.id).where(leases.free("tab", staff.id))
    compiled = query.limit(CANDIDATES).compile(db.engine, compile_kwargs={"literal_binds": True})
    word = "EXPLAIN" if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    return [str(row[-1]).strip() for row in db.session.connection().exec_driver_sql(f"{word} {compiled}")]
