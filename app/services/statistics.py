"""Figures of the review, each a plain query over decisions and events, so that they equal a recomputation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, DecisionReason, Order, School, Staff
from app.rules.states import OrderState


@dataclass(frozen=True)
class Reviewer:
    """One person's figures in a period."""

    name: str
    decided: int
    rejected: int
    median_ms: int


@dataclass(frozen=True)
class Figures:
    """Everything the page draws."""

    waiting: int
    oldest: datetime | None
    by_hour: Sequence[tuple[str, int]]
    by_school: Sequence[tuple[str, int, int]]
    by_reason: Sequence[tuple[str, int]]
    reviewers: Sequence[Reviewer]
    fixed: int
    rejected_orders: int


def figures(days: int = 7) -> Figures:
    """The last `days` days; undone decisions do not count."""
    since = now() - timedelta(days=days)
    waiting, oldest = db.session.execute(
        select(func.count(), func.min(Order.state_since)).where(Order.state == OrderState.PENDING_REVIEW.value)
    ).one()
    counted = (Decision.undone_at.is_(None), Decision.at >= since)
    rejected = func.sum(case((Decision.outcome == "rejected", 1), else_=0))
    schools = db.session.execute(
        select(School.name, func.count(), rejected)
        .join(Order, Order.id == Decision.order_id)
        .join(School, School.id == Order.school_id)
        .where(*counted)
        .group_by(School.name)
        .order_by(func.count().desc())
        .limit(12)
    ).all()
    reasons = db.session.execute(
        select(DecisionReason.code, func.count())
        .join(Decision, Decision.id == DecisionReason.decision_id)
        .where(*counted)
        .group_by(DecisionReason.code)
        .order_by(func.count().desc())
    ).all()
    fixed, all_rejected = fix_rate(since)
    return Figures(
        waiting,
        oldest,
        _by_hour(),
        [(name, total, int(bad or 0)) for name, total, bad in schools],
        [(code, total) for code, total in reasons],
        _reviewers(since),
        fixed,
        all_rejected,
    )


def _by_hour() -> list[tuple[str, int]]:
    """Decisions in each of the last 24 hours, the oldest first."""
    start = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    rows = db.session.scalars(select(Decision.at).where(Decision.at >= start, Decision.undone_at.is_(None))).all()
    counts = [0] * 24
    for at in rows:
        counts[min(23, int((at - start).total_seconds() // 3600))] += 1
    from app.adapters.clock import beijing

    return [(f"{beijing(start + timedelta(hours=hour)):%H}", counts[hour]) for hour in range(24)]


def _reviewers(since: datetime) -> list[Reviewer]:
    rows = db.session.execute(
        select(Staff.name, Decision.outcome, Decision.ms)
        .join(Staff, Staff.id == Decision.staff_id)
        .where(Decision.undone_at.is_(None), Decision.at >= since)
    ).all()
    by_name: dict[str, list[tuple[str, int]]] = {}
    for name, outcome, ms in rows:
        by_name.setdefault(name, []).append((outcome, ms))
    return [
        Reviewer(name, len(own), sum(o == "rejected" for o, _ in own), sorted(ms for _, ms in own)[len(own) // 2])
        for name, own in sorted(by_name.items())
    ]


def fix_rate(since: datetime) -> tuple[int, int]:
    """Of the orders rejected since, how many were approved afterwards; and how many were rejected."""
    rejected = (
        select(Decision.order_id, func.min(Decision.at).label("first"))
        .where(Decision.outcome == "rejected", Decision.undone_at.is_(None), Decision.at >= since)
        .group_by(Decision.order_id)
        .subquery()
    )
    total = db.session.scalar(select(func.count()).select_from(rejected)) or 0
    fixed = db.session.scalar(
        select(func.count(func.distinct(Decision.order_id)))
        .join(rejected, rejected.c.order_id == Decision.order_id)
        .where(Decision.outcome == "approved", Decision.undone_at.is_(None), Decision.at > rejected.c.first)
    )
    return fixed or 0, total
