"""Who is where: the students of a stage, page by page or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal, select

from app.adapters import mail
from app.extensions import db
from app.models import Campaign, Form, Order, Outbox, RosterEntry
from app.rules.states import UNFINISHED, OrderState
from app.services.schools.progress.figures import DONE, Progress
from app.services.schools.progress.orders import has_order, its_class, its_college, live_orders

NOT_BEGUN = "not_begun"
UNREACHABLE = "unreachable"
UNFINISHED_ALL = "unfinished"
STAGES: tuple[str, ...] = (
    UNFINISHED_ALL,
    NOT_BEGUN,
    *(state.value for state in OrderState if state in UNFINISHED),
    UNREACHABLE,
    OrderState.PENDING_REVIEW.value,
    "done",
)
"""What a liaison can list. `unfinished` is everybody who still has something to do, begun or not."""

PAGE = 100


@dataclass(frozen=True)
class Line:
    """One student in a list. `number` is the order's, empty where there is none yet."""

    college: str
    class_name: str
    student_no: str
    name: str
    stage: str
    number: str = ""


def counts(found: Campaign, whole: Progress) -> Mapping[str, int]:
    """How many students each list holds."""
    made = {state: whole.states.get(state, 0) for state in STAGES}
    made |= {NOT_BEGUN: whole.not_begun, "done": whole.done, UNFINISHED_ALL: whole.acting + whole.not_begun}
    made[UNREACHABLE] = sum(_count(query) for query in _queries(found, UNREACHABLE))
    return made


def _count(query: Select[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


def lines(found: Campaign, stage: str, page: int = 1, size: int = PAGE) -> list[Line]:
    """One page of the students of a stage, by college, class and number; how many there are, `counts` says."""
    made: list[Line] = []
    skip = (page - 1) * size
    for query in _queries(found, stage):
        rows = db.session.execute(query.limit(size - len(made)).offset(skip)).all()
        made += [Line(*row) for row in rows]
        if len(made) == size:
            break
        skip = 0 if rows else skip - _count(query)
    return made


def every_line(found: Campaign, stage: str) -> Iterator[Line]:
    """All students of a stage, for downloads; read in portions."""
    for query in _queries(found, stage):
        for row in db.session.execute(query.execution_options(yield_per=1000)):
            yield Line(*row)


def _queries(found: Campaign, stage: str) -> list[Select[Any]]:
    """Roster entries without an order, and orders, of this stage."""
    if stage == NOT_BEGUN:
        return [_entries(found)]
    if stage == UNFINISHED_ALL:
        return [_entries(found), _orders(found, list(UNFINISHED))]
    if stage == UNREACHABLE:
        failed = select(Outbox.ids["order"].as_integer()).where(Outbox.sent_at.is_(None), Outbox.attempts > 0)
        unfinished = [*UNFINISHED, OrderState.PENDING_REVIEW]
        return [
            _entries(found).where(RosterEntry.contact == "") if mail.ready() else _entries(found),
            _orders(found, unfinished).where(Order.id.in_(failed)),
        ]
    return [_orders(found, DONE if stage == "done" else [OrderState(stage)])]


def _entries(found: Campaign) -> Select[Any]:
    query: Any = (
        select(
            RosterEntry.college,
            RosterEntry.class_name,
            RosterEntry.student_no,
            RosterEntry.name,
            literal(NOT_BEGUN).label("stage"),
            literal("").label("number"),
        )
        .where(RosterEntry.campaign_id == found.id, ~has_order(found.id))
        .order_by(RosterEntry.college, RosterEntry.class_name, RosterEntry.student_no)
    )
    return query


def _orders(found: Campaign, states: Sequence[OrderState]) -> Select[Any]:
    name, number = func.coalesce(Form.name, "").label("name"), func.coalesce(Form.student_no, "").label("its_number")
    columns = (
        its_college().label("its_college"),
        its_class().label("its_class"),
        number,
        name,
        Order.state,
        Order.number,
    )
    query = live_orders(found, *columns).where(Order.state.in_([state.value for state in states]))
    return query.order_by("its_college", "its_class", "its_number", Order.id)


def numbers(found: Campaign) -> dict[str, str]:
    """Student number -> the order's state, for the page that compares a pasted list in the browser."""
    query = live_orders(found, Form.student_no, Order.state).where(Form.student_no.is_not(None)).order_by(Order.id)
    return {row.student_no: row.state for row in db.session.execute(query)}
