"""Sums of what was decided and what arrived, by campaign: of any time, and kept of each day that is over.

A day that has been over for SETTLED changes no more: nothing of it can be undone. The sweep counts it once, with the
same queries that count the running day, so that the statistics of a season read 90 rows instead of millions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import case, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import aliased

from app.adapters.clock import BEIJING, beijing, now
from app.extensions import db
from app.models import Decision, DecisionReason, Event, Order, ReviewDay
from app.rules.states import Action, OrderState
from app.services.unit import unit_of_work

SETTLED = timedelta(hours=1)
REACH = 90
"""Days that the statistics look back, and so many are kept."""

AT_ONCE = 10
"""Days that one sweep counts at most: after an upgrade the others follow with the next sweeps."""

TENTH_MS = 100
"""Handling times are told to a tenth of a second: few enough values to count instead of keeping every one."""

_WAITING = OrderState.PENDING_REVIEW.value
ARRIVES = (Event.to_state == _WAITING) & (Event.from_state != _WAITING) & (Event.action != Action.UNDO.value)
"""An order enters the queue; an undo is none: that student has been waiting all along."""

CHANGE = case((Event.to_state == _WAITING, 1), else_=0) - case((Event.from_state == _WAITING, 1), else_=0)
"""By how much an event makes the queue grow."""


@dataclass(frozen=True)
class Scope:
    """Whose figures: schools (empty: all) and, where one is meant, a campaign."""

    schools: frozenset[int] = frozenset()
    campaign: int | None = None

    def of(self, query: Any, order_id: Any = None) -> Any:
        """Only orders within the scope. They are in the query, or joined by this column where the scope asks for it."""
        if order_id is not None and (self.schools or self.campaign):
            query = query.join(Order, Order.id == order_id)
        if self.schools:
            query = query.where(Order.school_id.in_(self.schools))
        return query.where(Order.campaign_id == self.campaign) if self.campaign else query


@dataclass
class Person:
    """What one reviewer decided. `times` counts tenths of seconds of photos judged one by one."""

    approved: int = 0
    rejected: int = 0
    bulk: int = 0
    undone: int = 0
    times: Counter[int] = field(default_factory=Counter)


@dataclass
class Tally:
    """Decisions that stand, first decisions and how many of them passed, reasons, arrivals, the queue's growth."""

    first: int = 0
    passed: int = 0
    arrived: int = 0
    change: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    people: defaultdict[int, Person] = field(default_factory=lambda: defaultdict(Person))

    @property
    def approved(self) -> int:
        """By everybody."""
        return sum(person.approved for person in self.people.values())

    @property
    def rejected(self) -> int:
        """By everybody."""
        return sum(person.rejected for person in self.people.values())

    def add(self, other: Tally) -> None:
        """Take another one's counts in."""
        for name in ("first", "passed", "arrived", "change"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        for staff_id, theirs in other.people.items():
            mine = self.people[staff_id]
            for name in ("approved", "rejected", "bulk", "undone"):
                setattr(mine, name, getattr(mine, name) + getattr(theirs, name))
            mine.times.update(theirs.times)


Tallies = Mapping[int, Tally]
"""By campaign; which school's it is never changes."""


def count(since: datetime, until: datetime | None = None) -> Tallies:
    """Count what happened from `since` to before `until`, or until now."""
    found: defaultdict[int, Tally] = defaultdict(Tally)
    _count_decisions(found, since, until)
    _count_firsts(found, since, until)
    _count_reasons(found, since, until)
    _count_events(found, since, until)
    return found


def _within(query: Any, at: Any, since: datetime, until: datetime | None) -> Any:
    query = query.where(at >= since)
    return query.where(at < until) if until is not None else query


def _campaign(order_id: Any) -> Any:
    """The campaign of an order, looked up row by row: joined, PostgreSQL reads all orders for those of one day."""
    return select(Order.campaign_id).where(Order.id == order_id).scalar_subquery().label("campaign")


def _decisions(*columns: Any) -> Any:
    """A query of decisions by campaign and by these columns."""
    grouped = (_campaign(Decision.order_id), *columns)
    return select(*grouped, func.count()).select_from(Decision).group_by(*grouped)


def _count_decisions(found: defaultdict[int, Tally], since: datetime, until: datetime | None) -> None:
    tenth, undone = (Decision.ms // TENTH_MS).label("tenth"), Decision.undone_at.is_not(None).label("undone")
    query = _decisions(Decision.staff_id, Decision.kind, Decision.outcome, undone, tenth)
    rows = db.session.execute(_within(query, Decision.at, since, until))
    for campaign, staff_id, kind, outcome, taken_back, tenths, number in rows:
        person = found[campaign].people[staff_id]
        if taken_back:
            person.undone += number
            continue
        setattr(person, outcome, getattr(person, outcome) + number)
        if kind == "bulk":
            person.bulk += number
        elif tenths > 0:
            person.times[tenths] += number


def _count_firsts(found: defaultdict[int, Tally], since: datetime, until: datetime | None) -> None:
    """Orders that were decided for the first time."""
    before = aliased(Decision)
    earlier = exists().where(before.order_id == Decision.order_id, before.undone_at.is_(None), before.id < Decision.id)
    query = _decisions(Decision.outcome).where(Decision.undone_at.is_(None), ~earlier)
    for campaign, outcome, number in db.session.execute(_within(query, Decision.at, since, until)):
        tally = found[campaign]
        tally.first += number
        tally.passed += number if outcome == "approved" else 0


def _count_reasons(found: defaultdict[int, Tally], since: datetime, until: datetime | None) -> None:
    query = _decisions(DecisionReason.code).join(DecisionReason, DecisionReason.decision_id == Decision.id)
    query = _within(query.where(Decision.undone_at.is_(None)), Decision.at, since, until)
    for campaign, code, number in db.session.execute(query):
        found[campaign].reasons[code] += number


def _count_events(found: defaultdict[int, Tally], since: datetime, until: datetime | None) -> None:
    place = _campaign(Event.order_id)
    query = select(place, func.sum(case((ARRIVES, 1), else_=0)), func.sum(CHANGE)).select_from(Event).group_by(place)
    moves = (Event.to_state == _WAITING) | (Event.from_state == _WAITING)
    for campaign, arrived, change in db.session.execute(_within(query.where(moves), Event.at, since, until)):
        tally = found[campaign]
        tally.arrived, tally.change = tally.arrived + int(arrived), tally.change + int(change)


def midnight(day: date) -> datetime:
    """When a Beijing day begins."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)


def by_day(days: int) -> Iterator[tuple[datetime, Tallies]]:
    """The last so many Beijing days, the oldest first, each with its beginning; the running one is the last."""
    today = beijing(now()).date()
    kept = {row.day: row.sums for row in db.session.scalars(select(ReviewDay).where(ReviewDay.day > _ago(today, days)))}
    for ago in range(days - 1, -1, -1):
        day = _ago(today, ago)
        start, sums = midnight(day), kept.get(day)
        end = midnight(_ago(day, -1)) if ago else None
        yield start, _read(sums) if sums is not None else count(start, end)


def _ago(day: date, days: int) -> date:
    return day - timedelta(days=days)


def keep_due() -> int:
    """Count the days that are over and not counted yet, the latest first. Returns how many."""
    today = beijing(now() - SETTLED).date()
    wanted = [_ago(today, ago) for ago in range(1, REACH + 1)]
    have = set(db.session.scalars(select(ReviewDay.day).where(ReviewDay.day >= wanted[-1])))
    due = [day for day in wanted if day not in have][:AT_ONCE]
    for day in due:
        sums = _written(count(midnight(day), midnight(_ago(day, -1))))  # before the unit: others may write meanwhile
        insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
        with unit_of_work():  # another sweep may have been first, with the same sums
            db.session.execute(insert(ReviewDay).values(day=day, sums=sums).on_conflict_do_nothing())
    return len(due)


def _written(tallies: Tallies) -> list[Any]:
    """As JSON, short: a season's days are read at once. Times are told by turns, a tenth and its number."""
    return [
        [campaign, tally.first, tally.passed, tally.arrived, tally.change, tally.reasons, [
            [staff_id, one.approved, one.rejected, one.bulk, one.undone, list(chain(*one.times.items()))]
            for staff_id, one in tally.people.items()
        ]]
        for campaign, tally in tallies.items()
    ]  # fmt: skip


def _read(sums: list[Any]) -> Tallies:
    found: dict[int, Tally] = {}
    for campaign, first, passed, arrived, change, reasons, people in sums:
        tally = found[campaign] = Tally(first, passed, arrived, change, Counter(reasons))
        for staff_id, approved, rejected, bulk, undone, times in people:
            counted = Counter(dict(zip(times[::2], times[1::2], strict=True)))
            tally.people[staff_id] = Person(approved, rejected, bulk, undone, counted)
    return found
