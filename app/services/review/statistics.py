"""Figures of the review, computed by the database from decisions and events; a test recomputes each one by hand.

What was undone never counts. A decision counts at its own time, an arrival when an order entered the queue (an undo is
none: that student has been waiting all along).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case, cast, exists, func, select
from sqlalchemy.orm import aliased

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, DecisionReason, Event, Lease, Order, Photo, School, Staff
from app.rules.forecast import empty_at
from app.rules.states import Action, OrderState

HOUR, DAY = 3600, 86400
_BEIJING = 8 * HOUR  # days begin at midnight in Beijing, which keeps no summer time
_WAITING = OrderState.PENDING_REVIEW.value
_MS = 100
"""Handling times are told to a tenth of a second: few enough values to count instead of fetching every decision."""

SAMPLE = 500
"""So many of the last decisions tell how long students wait."""


@dataclass(frozen=True)
class Scope:
    """Whose figures: schools (empty: all) and, where one is meant, a campaign."""

    schools: frozenset[int] = frozenset()
    campaign: int | None = None

    def of(self, query: Any) -> Any:
        """Only orders within the scope; the query has to have Order in it."""
        if self.schools:
            query = query.where(Order.school_id.in_(self.schools))
        return query.where(Order.campaign_id == self.campaign) if self.campaign else query


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
class Bucket:
    """One hour or day, starting at `start`; `waiting` is the queue at its end."""

    start: datetime
    approved: int
    rejected: int
    arrived: int
    waiting: int


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
    rows = db.session.execute(
        scope.of(
            select(Photo.verdict, func.count(), func.min(Order.state_since))
            .select_from(Order)
            .outerjoin(Photo, Photo.id == Order.photo_id)
            .where(Order.state == _WAITING)
            .group_by(Photo.verdict)
        )
    ).all()
    verdicts = {verdict or "": count for verdict, count, _oldest in rows}
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
    query = select(func.count(func.distinct(Lease.staff_id))).join(Order, Order.id == Lease.order_id)
    return db.session.scalar(scope.of(query.where(Lease.expires_at > moment))) or 0


def _counted(since: datetime, *columns: Any) -> Any:
    """Decisions that stand, made since, with their orders."""
    return (
        select(*columns)
        .select_from(Decision)
        .join(Order, Order.id == Decision.order_id)
        .where(Decision.undone_at.is_(None), Decision.at >= since)
    )


def _outcomes(scope: Scope, since: datetime) -> dict[str, int]:
    query = _counted(since, Decision.outcome, func.count()).group_by(Decision.outcome)
    return _pairs(scope.of(query))


def _pairs(query: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in db.session.execute(query)}


_ARRIVES = (Event.to_state == _WAITING) & (Event.from_state != _WAITING) & (Event.action != Action.UNDO.value)


def _arrived(scope: Scope, since: datetime) -> int:
    query = select(func.count()).select_from(Event).join(Order, Order.id == Event.order_id)
    return db.session.scalar(scope.of(query.where(_ARRIVES, Event.at >= since))) or 0


def _bucket(column: Any, seconds: int) -> ColumnElement[int]:
    """The number of the Beijing hour or day that a time lies in."""
    if db.engine.dialect.name == "sqlite":
        epoch: Any = cast(func.strftime("%s", column), BigInteger)
    else:
        epoch = cast(func.floor(func.extract("epoch", column)), BigInteger)
    return (epoch + _BEIJING) // seconds


def buckets(scope: Scope, seconds: int, count: int) -> list[Bucket]:
    """The last `count` hours or days (3600 or 86400 seconds), the oldest first; the running one is the last."""
    last = (int(now().timestamp()) + _BEIJING) // seconds
    first = last - count + 1
    since = datetime.fromtimestamp(first * seconds - _BEIJING, UTC)
    place = _bucket(Decision.at, seconds).label("place")
    done: dict[tuple[int, str], int] = {}
    query = _counted(since, place, Decision.outcome, func.count()).group_by(place, Decision.outcome)
    for at, outcome, number in db.session.execute(scope.of(query)):
        done[at, outcome] = number
    moved = _moved(scope, seconds, since)
    waiting = db.session.scalar(scope.of(select(func.count()).select_from(Order).where(Order.state == _WAITING))) or 0
    found = []
    for at in range(last, first - 1, -1):  # the queue's length is known now; the events lead back from here
        arrived, change = moved.get(at, (0, 0))
        start = datetime.fromtimestamp(at * seconds - _BEIJING, UTC)
        found.append(Bucket(start, done.get((at, "approved"), 0), done.get((at, "rejected"), 0), arrived, waiting))
        waiting -= change
    return found[::-1]


def _moved(scope: Scope, seconds: int, since: datetime) -> dict[int, tuple[int, int]]:
    """By bucket: how many orders arrived, and by how much the queue grew or shrank."""
    place = _bucket(Event.at, seconds).label("place")
    came = case((Event.to_state == _WAITING, 1), else_=0) - case((Event.from_state == _WAITING, 1), else_=0)
    query = (
        select(place, func.sum(case((_ARRIVES, 1), else_=0)), func.sum(came))
        .select_from(Event)
        .join(Order, Order.id == Event.order_id)
        .where(Event.at >= since)
        .group_by(place)
    )
    return {at: (int(arrived), int(change)) for at, arrived, change in db.session.execute(scope.of(query))}


def by_school(scope: Scope, since: datetime, limit: int = 12) -> list[tuple[str, int, int]]:
    """School, approved, rejected; those with most decisions first."""
    rejected = func.sum(case((Decision.outcome == "rejected", 1), else_=0))
    query = (
        _counted(since, School.name, func.count() - rejected, rejected)
        .join(School, School.id == Order.school_id)
        .group_by(School.id, School.name)
        .order_by(func.count().desc(), School.name)
        .limit(limit)
    )
    return [(name, int(good), int(bad)) for name, good, bad in db.session.execute(scope.of(query))]


def by_reason(scope: Scope, since: datetime) -> list[tuple[str, int]]:
    """Reason's code and how many rejections gave it, the most frequent first."""
    query = (
        _counted(since, DecisionReason.code, func.count())
        .join(DecisionReason, DecisionReason.decision_id == Decision.id)
        .group_by(DecisionReason.code)
        .order_by(func.count().desc(), DecisionReason.code)
    )
    return [(code, number) for code, number in db.session.execute(scope.of(query))]


def outcomes(scope: Scope, since: datetime) -> Outcomes:
    """How many rejections were put right, and how many orders passed at once."""
    bad = (
        scope.of(_counted(since, Decision.order_id.label("order_id"), func.min(Decision.id).label("first")))
        .where(Decision.outcome == "rejected")
        .group_by(Decision.order_id)
        .subquery()
    )
    later = (
        select(func.count(func.distinct(Decision.order_id)))
        .join(bad, bad.c.order_id == Decision.order_id)
        .where(Decision.outcome == "approved", Decision.undone_at.is_(None), Decision.id > bad.c.first)
    )
    before = aliased(Decision)
    earlier = exists().where(before.order_id == Decision.order_id, before.undone_at.is_(None), before.id < Decision.id)
    first = _counted(since, Decision.outcome, func.count()).where(~earlier)
    firsts = _pairs(scope.of(first.group_by(Decision.outcome)))
    return Outcomes(
        rejected=db.session.scalar(select(func.count()).select_from(bad)) or 0,
        fixed=db.session.scalar(later) or 0,
        first=sum(firsts.values()),
        first_passed=firsts.get("approved", 0),
    )


def waiting_times(scope: Scope, since: datetime) -> list[int]:
    """Seconds that the students of the last decisions waited, at most 500 of them, in ascending order."""
    query = _counted(since, Decision.order_id, Decision.at).order_by(Decision.id.desc()).limit(SAMPLE)
    decided = db.session.execute(scope.of(query)).all()
    wanted = {order_id for order_id, _at in decided}
    came: dict[int, list[datetime]] = {}
    rows = select(Event.order_id, Event.at).where(Event.order_id.in_(wanted), _ARRIVES)
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


def reviewers(scope: Scope, since: datetime) -> list[Reviewer]:
    """Each reviewer's figures, those who decided most first."""
    tenth = (Decision.ms // _MS).label("tenth")
    undone = Decision.undone_at.is_not(None).label("undone")
    query = (
        select(Staff.name, Decision.kind, Decision.outcome, undone, tenth, func.count())
        .select_from(Decision)
        .join(Staff, Staff.id == Decision.staff_id)
        .join(Order, Order.id == Decision.order_id)
        .where(Decision.at >= since)
        .group_by(Staff.name, Decision.kind, Decision.outcome, undone, tenth)
    )
    people: dict[str, list[Any]] = {}
    for row in db.session.execute(scope.of(query)):
        people.setdefault(row[0], []).append(row[1:])
    return sorted((_reviewer(name, rows) for name, rows in people.items()), key=lambda one: (-one.decided, one.name))


def _reviewer(name: str, rows: list[Any]) -> Reviewer:
    standing = [(kind, outcome, tenth, n) for kind, outcome, undone, tenth, n in rows if not undone]
    times = sorted((tenth, n) for kind, _outcome, tenth, n in standing if kind != "bulk" and tenth > 0)
    return Reviewer(
        name=name,
        decided=sum(n for *_, n in standing),
        rejected=sum(n for _, outcome, _, n in standing if outcome == "rejected"),
        bulk=sum(n for kind, *_, n in standing if kind == "bulk"),
        undone=sum(n for _, _, undone, _, n in rows if undone),
        median_ms=quantile(times, 0.5),
        slow_ms=quantile(times, 0.9),
    )


def quantile(times: Sequence[tuple[int, int]], share: float) -> int | None:
    """The time, in whole tenths told in ms, that `share` of the counted ones do not exceed; None of nothing."""
    total, seen = sum(n for _, n in times), 0
    for tenth, n in times:
        seen += n
        if seen >= share * total:
            return tenth * _MS
    return None
