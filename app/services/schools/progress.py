"""How far a campaign is: by college and class, and who still has something to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, select

from app.export.frozen import NO_CLASS
from app.extensions import db
from app.models import Campaign, Form, Order, Outbox, RosterEntry
from app.rules.states import LIVE, UNFINISHED, OrderState

DONE = (OrderState.PENDING_PRODUCTION, OrderState.IN_PRODUCTION, OrderState.COMPLETED)
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


@dataclass
class Progress:
    """How far a class, a college or a campaign is. `expected` is 0 where there is no roster."""

    college: str
    class_name: str
    expected: int = 0
    not_begun: int = 0
    states: dict[str, int] = field(default_factory=dict)

    def _sum(self, states: Sequence[OrderState]) -> int:
        return sum(self.states.get(state.value, 0) for state in states)

    @property
    def done(self) -> int:
        """Approved, in production or delivered: nothing more to do for the student."""
        return self._sum(DONE)

    @property
    def reviewing(self) -> int:
        return self._sum([OrderState.PENDING_REVIEW])

    @property
    def acting(self) -> int:
        """Begun, and the student's turn."""
        return self._sum(list(UNFINISHED))

    @property
    def parts(self) -> list[int]:
        """Done, with the reviewers, the student's turn, not begun."""
        return [self.done, self.reviewing, self.acting, self.not_begun]

    @property
    def total(self) -> int:
        return sum(self.parts)


@dataclass(frozen=True)
class Line:
    """One student in a list. `number` is the order's, empty where there is none yet."""

    college: str
    class_name: str
    student_no: str
    name: str
    stage: str
    number: str = ""


def by_class(found: Campaign) -> list[Progress]:
    """Every class with its figures; where a roster names a student's class, it counts, not what the student typed."""
    made: dict[tuple[str, str], Progress] = {}
    for college, class_name, state, count in db.session.execute(_orders_by_class(found)):
        one = _of(made, college, class_name)
        one.states[state] = one.states.get(state, 0) + count
    for not_begun in (False, True):
        for college, class_name, count in db.session.execute(_entries_by_class(found, not_begun=not_begun)):
            one = _of(made, college, class_name)
            if not_begun:
                one.not_begun = count
            else:
                one.expected = count
    return [made[key] for key in sorted(made)]


def by_college(classes: Sequence[Progress]) -> list[Progress]:
    """The same figures, one for each college."""
    made: dict[str, Progress] = {}
    for one in classes:
        _add(made.setdefault(one.college, Progress(one.college, "")), one)
    return list(made.values())


def altogether(classes: Sequence[Progress]) -> Progress:
    """The same figures for the campaign."""
    whole = Progress("", "")
    for one in classes:
        _add(whole, one)
    return whole


def figures(found: Campaign) -> Progress:
    """The campaign's own figures, without its classes."""
    whole = Progress("", "")
    states = select(Order.state, func.count()).where(Order.campaign_id == found.id).group_by(Order.state)
    live = {state.value for state in LIVE}
    whole.states = {state: count for state, count in db.session.execute(states) if state in live}
    entries = select(func.count()).where(RosterEntry.campaign_id == found.id)
    whole.expected = db.session.scalar(entries) or 0
    whole.not_begun = db.session.scalar(entries.where(~has_order(found.id))) or 0
    return whole


def _add(whole: Progress, one: Progress) -> None:
    whole.expected += one.expected
    whole.not_begun += one.not_begun
    for state, count in one.states.items():
        whole.states[state] = whole.states.get(state, 0) + count


def _of(made: dict[tuple[str, str], Progress], college: str | None, class_name: str | None) -> Progress:
    key = (college or NO_CLASS, class_name or NO_CLASS)
    return made.setdefault(key, Progress(*key))


def _same_student() -> ColumnElement[bool]:
    return and_(RosterEntry.campaign_id == Order.campaign_id, RosterEntry.student_no == Form.student_no)


def _college() -> ColumnElement[str]:
    return func.coalesce(func.nullif(RosterEntry.college, ""), Form.college, "")


def _class() -> ColumnElement[str]:
    return func.coalesce(func.nullif(RosterEntry.class_name, ""), Form.class_name, "")


def _live_orders(found: Campaign, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Order)
        .outerjoin(Form, Form.id == Order.form_id)
        .outerjoin(RosterEntry, _same_student())
        .where(Order.campaign_id == found.id, Order.state.in_([state.value for state in LIVE]))
    )


def _orders_by_class(found: Campaign) -> Select[Any]:
    query = _live_orders(found, _college().label("its_college"), _class().label("its_class"), Order.state, func.count())
    return query.group_by("its_college", "its_class", Order.state)


def has_order(campaign_id: int) -> ColumnElement[bool]:
    """Whether a roster entry of this campaign belongs to a student who has a live order in it.

    The students with an order are listed once; asked for entry by entry, SQLite went through all orders each time.
    """
    students = (
        select(Form.student_no)
        .join(Order, Order.form_id == Form.id)
        .where(Order.campaign_id == campaign_id, Order.state.in_([state.value for state in LIVE]))
    )
    return RosterEntry.student_no.in_(students)


def begun(entry: RosterEntry) -> bool:
    """Whether this expected student has a live order."""
    query = select(RosterEntry.id).where(RosterEntry.id == entry.id, has_order(entry.campaign_id))
    return db.session.scalar(query) is not None


def _entries_by_class(found: Campaign, *, not_begun: bool) -> Select[Any]:
    query: Any = select(RosterEntry.college, RosterEntry.class_name, func.count())
    query = query.where(RosterEntry.campaign_id == found.id)
    if not_begun:
        query = query.where(~has_order(found.id))
    return query.group_by(RosterEntry.college, RosterEntry.class_name)


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
            _entries(found).where(RosterEntry.contact == ""),
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
    columns = (_college().label("its_college"), _class().label("its_class"), number, name, Order.state, Order.number)
    query = _live_orders(found, *columns).where(Order.state.in_([state.value for state in states]))
    return query.order_by("its_college", "its_class", "its_number", Order.id)


def numbers(found: Campaign) -> dict[str, str]:
    """Student number -> the order's state, for the page that compares a pasted list in the browser."""
    query = _live_orders(found, Form.student_no, Order.state).where(Form.student_no.is_not(None)).order_by(Order.id)
    return {row.student_no: row.state for row in db.session.execute(query)}
