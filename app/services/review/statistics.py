"""Figures of the review, from decisions and events and from the sums of days that are over.

A test recomputes each one by hand. What was undone never counts. A decision counts at its own time, an arrival when an
order entered the queue. A period is the last 24 hours with the running one, or so many Beijing days with the running
one: what its columns show adds up to its other figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import case, exists, func, literal_column, select

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Event, Lease, Order, School, Staff
from app.rules.forecast import empty_at
from app.rules.states import OrderState
from app.services.queue_place import RANKS
from app.services.review.periods import Period
from app.services.review.tallies import ARRIVES, TENTH_MS, Person, Scope

_VERDICTS = {rank: verdict for verdict, rank in RANKS.items()}
_APPROVED: Any = literal_column("'approved'")
_REJECTED: Any = literal_column("'rejected'")
"""Written out, not bound: an index of some rows only is chosen for what the statement itself says."""

_WAITING = OrderState.PENDING_REVIEW.value
SAMPLE = 500
"""So many of the last decisions tell how long students wait."""


@dataclass(frozen=True)
class Live:
    """The queue at this moment, and the hour before it."""

    waiting: int
    verdicts: Mapping[str, int]
    oldest: datetime | None
    decided: int
    rejected: int
    arrived: int
    reviewers: int
    empty_at: datetime | None
    at: datetime


@dataclass(frozen=True)
class Reviewer:
    """One person's figures in a period. Handling times are of photos judged one by one."""

    name: str
    decided: int
    rejected: int
    bulk: int
    undone: int
    median_ms: int | None
    slow_ms: int | None
    """Nine of ten were faster."""


@dataclass(frozen=True)
class Outcomes:
    """What became of orders: `rejected` at least once in the period, `fixed` of them approved later;
    `first` decided for the first time, `first_passed` of them approved at once."""

    rejected: int
    fixed: int
    first: int
    first_passed: int


def live(scope: Scope) -> Live:
    """Measure the queue now."""
    moment = now()
    query = select(Order.queue_verdict, func.count(), func.min(Order.state_since)).where(Order.state == _WAITING)
    rows = db.session.execute(scope.of(query.group_by(Order.queue_verdict))).all()
    verdicts = {_VERDICTS.get(rank, ""): count for rank, count, _oldest in rows}
    waiting = sum(verdicts.values())
    outcomes = _outcomes(scope, moment - timedelta(hours=1))
    decided, arrived = sum(outcomes.values()), _arrived(scope, moment - timedelta(hours=1))
    return Live(
        waiting=waiting,
        verdicts=verdicts,
        oldest=min((oldest for _verdict, _count, oldest in rows), default=None),
        decided=decided,
        rejected=outcomes.get("rejected", 0),
        arrived=arrived,
        reviewers=_reviewers_now(scope, moment),
        empty_at=empty_at(waiting, decided, arrived, moment),
        at=moment,
    )


def _reviewers_now(scope: Scope, moment: datetime) -> int:
    query = select(func.count(func.distinct(Lease.staff_id))).where(Lease.expires_at > moment)
    return db.session.scalar(scope.of(query, Lease.order_id)) or 0


def _counted(scope: Scope, since: datetime, *columns: Any) -> Any:
    """Decisions that stand, made since, within the scope."""
    query = select(*columns).select_from(Decision).where(Decision.undone_at.is_(None), Decision.at >= since)
    return scope.of(query, Decision.order_id)


def _outcomes(scope: Scope, since: datetime) -> dict[str, int]:
    return _pairs(_counted(scope, since, Decision.outcome, func.count()).group_by(Decision.outcome))


def _pairs(query: Any) -> dict[Any, Any]:
    return {row[0]: row[1] for row in db.session.execute(query)}


def _arrived(scope: Scope, since: datetime) -> int:
    query = select(func.count()).select_from(Event).where(ARRIVES, Event.at >= since)
    return db.session.scalar(scope.of(query, Event.order_id)) or 0


def by_school(found: Period, limit: int = 12) -> list[tuple[str, int, int]]:
    """School, approved, rejected; those with most decisions first."""
    decided = {school: sums for school, sums in found.schools.items() if any(sums)}
    names = _pairs(select(School.id, School.name).where(School.id.in_(decided)))
    rows = [(names[school], good, bad) for school, (good, bad) in decided.items()]
    return sorted(rows, key=lambda row: (-row[1] - row[2], row[0]))[:limit]


def by_reason(found: Period) -> list[tuple[str, int]]:
    """Reason's code and how many rejections gave it, the most frequent first."""
    return sorted(found.whole.reasons.items(), key=lambda row: (-row[1], row[0]))


def outcomes(scope: Scope, found: Period) -> Outcomes:
    """How many rejections were put right until now, and how many orders passed at once."""
    bad = (
        _counted(scope, found.since, Decision.order_id.label("order_id"), func.min(Decision.id).label("first"))
        .where(Decision.outcome == _REJECTED)
        .group_by(Decision.order_id)
        .subquery()
    )
    later = exists().where(
        Decision.order_id == bad.c.order_id,
        Decision.outcome == _APPROVED,
        Decision.undone_at.is_(None),
        Decision.id > bad.c.first,
    )
    rejected, fixed = db.session.execute(
        select(func.count(), func.sum(case((later, 1), else_=0))).select_from(bad)
    ).one()
    return Outcomes(rejected, int(fixed or 0), found.whole.first, found.whole.passed)


def waiting_times(scope: Scope, since: datetime) -> list[int]:
    """Seconds that the students of the last decisions waited, at most 500 of them, in ascending order."""
    query = _counted(scope, since, Decision.order_id, Decision.at).order_by(Decision.id.desc()).limit(SAMPLE)
    decided = db.session.execute(query).all()
    wanted = {order_id for order_id, _at in decided}
    came: dict[int, list[datetime]] = {}
    rows = select(Event.order_id, Event.at).where(Event.order_id.in_(wanted), ARRIVES)
    for order_id, at in db.session.execute(rows):
        came.setdefault(order_id, []).append(at)
    found = []
    for order_id, at in decided:
        before = [moment for moment in came.get(order_id, ()) if moment <= at]
        if before:
            found.append(int((at - max(before)).total_seconds()))
    return sorted(found)


def middle(values: Sequence[int]) -> int | None:
    """The median; None of nothing."""
    return int(median(values)) if values else None


def reviewers(found: Period) -> list[Reviewer]:
    """Each reviewer's figures, those who decided most first."""
    names = _pairs(select(Staff.id, Staff.name).where(Staff.id.in_(found.whole.people)))
    rows = [_reviewer(names[staff_id], person) for staff_id, person in found.whole.people.items()]
    return sorted(rows, key=lambda one: (-one.decided, one.name))


def _reviewer(name: str, person: Person) -> Reviewer:
    times = sorted(person.times.items())
    return Reviewer(
        name=name,
        decided=person.approved + person.rejected,
        rejected=person.rejected,
        bulk=person.bulk,
        undone=person.undone,
        median_ms=quantile(times, 0.5),
        slow_ms=quantile(times, 0.9),
    )


def quantile(times: Sequence[tuple[int, int]], share: float) -> int | None:
    """The time, in whole tenths told in ms, that `share` of the counted ones do not exceed; None of nothing."""
    total, seen = sum(n for _, n in times), 0
    for tenth, n in times:
        seen += n
        if seen >= share * total:
            return tenth * TENTH_MS
    return None
