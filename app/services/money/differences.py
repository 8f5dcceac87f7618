"""The differences between our books and WeChat's, as finance lists and settles them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import func, select

from app.adapters.clock import now
from app.extensions import db
from app.models import BillDay, BillDifference, Staff
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.labels import QUERY_FAULTS
from app.rules.states import Role
from app.rules.text import N_
from app.services.money import disputes
from app.services.money.ledger import concerns
from app.services.transitions import Actor
from app.services.unit import unit_of_work

PAGE = 50


def open_differences(day: date | None = None) -> list[BillDifference]:
    """Differences of all schools that nobody has settled, the newest day first."""
    query = select(BillDifference).where(BillDifference.resolved_at.is_(None))
    if day is not None:
        query = query.where(BillDifference.day == day.isoformat())
    return list(db.session.scalars(query.order_by(BillDifference.day.desc(), BillDifference.id)))


def open_count(staff: Staff, day: date | None = None) -> int:
    """How many of them this person has to do with."""
    query = _of(select(func.count()).select_from(BillDifference), staff, day)
    return db.session.scalar(query.where(BillDifference.resolved_at.is_(None))) or 0


def page(
    staff: Staff, day: date | None, *, everything: bool = False, before: int | None = None
) -> tuple[list[BillDifference], int | None]:
    """The newest differences, open ones only unless `everything`, and the id to page on from."""
    query = _of(select(BillDifference), staff, day).order_by(BillDifference.id.desc()).limit(PAGE + 1)
    if not everything:
        query = query.where(BillDifference.resolved_at.is_(None))
    if before is not None:
        query = query.where(BillDifference.id < before)
    rows = list(db.session.scalars(query))
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


def everything(staff: Staff, day: date | None) -> Iterator[BillDifference]:
    """Every difference there was, settled or not, read in portions."""
    query = _of(select(BillDifference), staff, day).order_by(BillDifference.day, BillDifference.id)
    yield from db.session.scalars(query.execution_options(yield_per=500))


def _of(query: Any, staff: Staff, day: date | None) -> Any:
    """Who is bound to schools sees the differences of these schools' orders; what belongs to nobody is not theirs."""
    query = query.where(concerns(BillDifference.number, staff)) if staff.school_ids else query
    return query.where(BillDifference.day == day.isoformat()) if day is not None else query


def days(staff: Staff, limit: int = 31) -> list[tuple[BillDay, int]] | None:
    """The newest compared days, each with its number of open differences.

    None for who is bound to schools: a day's totals are the merchant's, of all schools.
    """
    if staff.school_ids:
        return None
    left = (
        select(func.count())
        .where(BillDifference.day == BillDay.day, BillDifference.resolved_at.is_(None))
        .scalar_subquery()
    )
    query = select(BillDay, left).order_by(BillDay.day.desc()).limit(limit)
    return [(row, count) for row, count in db.session.execute(query)]


def resolve(staff: Staff, difference_id: int, actor: Actor, note: str) -> None:
    """Close a difference with a written note: what it was. A payment set aside for it is closed, its order goes on.

    Raises Invalid without a note, ActionNotAllowed for other roles, NotFound for other schools.
    """
    if actor.role not in (Role.FINANCE, Role.ADMIN):
        raise ActionNotAllowed
    if not note.strip():
        raise Invalid(N_("请写明差异的处理结果"), {"note": N_("请写明差异的处理结果")})
    with unit_of_work():
        query = _of(select(BillDifference), staff, None).where(BillDifference.id == difference_id)
        row = db.session.scalar(query.with_for_update())
        if row is None:
            raise NotFound
        if row.resolved_at is None:
            row.resolved_at, row.note, row.staff_id = now(), note.strip()[:200], actor.staff_id
            if row.kind in QUERY_FAULTS:
                disputes.settle(row.number)
