"""The review over a period, hour by hour or day by day. What the columns show adds up to the other figures.

A period is the last 24 hours with the running one, or so many Beijing days with the running one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, select

from app.adapters.clock import now
from app.extensions import db
from app.models import Campaign, Decision, Event
from app.services.review.tallies import ARRIVES, CHANGE, Scope, Tallies, Tally, by_day, count

HOUR, HOURS = 3600, 24


@dataclass(frozen=True)
class Bucket:
    """One hour or day, starting at `start`; `waiting` is the queue at its end."""

    start: datetime
    approved: int
    rejected: int
    arrived: int
    waiting: int


@dataclass
class Period:
    """What happened since `since`: by hour or day, altogether, and by school as approved and rejected."""

    since: datetime
    buckets: Sequence[Bucket] = ()
    whole: Tally = field(default_factory=Tally)
    schools: dict[int, tuple[int, int]] = field(default_factory=dict)

    def take(self, schools: Mapping[int, int], tallies: Tallies) -> Sequence[Tally]:
        """Add those of the campaigns within the scope, whose schools are `schools`; returns them."""
        mine = {campaign: tally for campaign, tally in tallies.items() if campaign in schools}
        for campaign, tally in mine.items():
            self.whole.add(tally)
            good, bad = self.schools.get(schools[campaign], (0, 0))
            self.schools[schools[campaign]] = (good + tally.approved, bad + tally.rejected)
        return list(mine.values())


def period(scope: Scope, days: int, waiting: int) -> Period:
    """The last `days` Beijing days, or with 1 the last 24 hours; the running day or hour is the last of them.

    `waiting`: the queue's length now.
    """
    return _by_hour(scope, waiting) if days == 1 else _by_day(scope, days, waiting)


def _by_day(scope: Scope, days: int, waiting: int) -> Period:
    parts, schools = list(by_day(days)), _schools(scope)
    found = Period(parts[0][0])
    taken = [found.take(schools, tallies) for _start, tallies in parts]
    queue = _queue(waiting, [sum(tally.change for tally in day) for day in taken])
    found.buckets = [
        Bucket(
            start,
            sum(tally.approved for tally in day),
            sum(tally.rejected for tally in day),
            sum(tally.arrived for tally in day),
            left,
        )
        for (start, _tallies), day, left in zip(parts, taken, queue, strict=True)
    ]
    return found


def _schools(scope: Scope) -> Mapping[int, int]:
    """The campaigns within the scope, and whose they are."""
    query = select(Campaign.id, Campaign.school_id)
    if scope.schools:
        query = query.where(Campaign.school_id.in_(scope.schools))
    if scope.campaign:
        query = query.where(Campaign.id == scope.campaign)
    return {row.id: row.school_id for row in db.session.execute(query)}


def _by_hour(scope: Scope, waiting: int) -> Period:
    last = int(now().timestamp()) // HOUR
    hours = range(last - HOURS + 1, last + 1)
    found = Period(datetime.fromtimestamp(hours[0] * HOUR, UTC))
    found.take(_schools(scope), count(found.since))
    done, moved = _decided(scope, found.since), _moved(scope, found.since)
    queue = _queue(waiting, [moved.get(at, (0, 0))[1] for at in hours])
    found.buckets = [
        Bucket(
            datetime.fromtimestamp(at * HOUR, UTC),
            done.get((at, "approved"), 0),
            done.get((at, "rejected"), 0),
            moved.get(at, (0, 0))[0],
            left,
        )
        for at, left in zip(hours, queue, strict=True)
    ]
    return found


def _queue(waiting: int, changes: Sequence[int]) -> list[int]:
    """The queue at the end of each part: its length is known now, and what it grew by leads back from here."""
    return [waiting - sum(changes[place + 1 :]) for place in range(len(changes))]


def _hour(column: Any) -> ColumnElement[int]:
    """The number of the hour that a time lies in."""
    if db.engine.dialect.name == "sqlite":
        epoch: Any = cast(func.strftime("%s", column), BigInteger)
    else:
        epoch = cast(func.floor(func.extract("epoch", column)), BigInteger)
    return epoch // HOUR


def _decided(scope: Scope, since: datetime) -> Mapping[tuple[int, str], int]:
    """By hour and outcome: decisions that stand."""
    place = _hour(Decision.at).label("place")
    query = select(place, Decision.outcome, func.count()).select_from(Decision)
    query = query.where(Decision.undone_at.is_(None), Decision.at >= since).group_by(place, Decision.outcome)
    return {(at, outcome): number for at, outcome, number in db.session.execute(scope.of(query, Decision.order_id))}


def _moved(scope: Scope, since: datetime) -> Mapping[int, tuple[int, int]]:
    """By hour: how many orders arrived, and by how much the queue grew."""
    place = _hour(Event.at).label("place")
    sums = (func.sum(case((ARRIVES, 1), else_=0)), func.sum(CHANGE))
    query = select(place, *sums).select_from(Event).where(Event.at >= since).group_by(place)
    rows = db.session.execute(scope.of(query, Event.order_id))
    return {at: (int(arrived), int(change)) for at, arrived, change in rows}
