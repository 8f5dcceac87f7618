"""How far a campaign is, by college and class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select

from app.export.frozen import NO_CLASS
from app.extensions import db
from app.models import Campaign, Order, RosterEntry
from app.rules.states import LIVE, UNFINISHED, OrderState
from app.services.schools.progress.orders import has_order, its_class, its_college, live_orders

DONE = (OrderState.PENDING_PRODUCTION, OrderState.IN_PRODUCTION, OrderState.COMPLETED)


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


def _orders_by_class(found: Campaign) -> Select[Any]:
    query = live_orders(
        found, its_college().label("its_college"), its_class().label("its_class"), Order.state, func.count()
    )
    return query.group_by("its_college", "its_class", Order.state)


def _entries_by_class(found: Campaign, *, not_begun: bool) -> Select[Any]:
    query: Any = select(RosterEntry.college, RosterEntry.class_name, func.count())
    query = query.where(RosterEntry.campaign_id == found.id)
    if not_begun:
        query = query.where(~has_order(found.id))
    return query.group_by(RosterEntry.college, RosterEntry.class_name)
