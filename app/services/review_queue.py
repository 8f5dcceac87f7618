"""What waits for review, in which order, and who is offered what. Leases offer; the version decides who wins."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, DecisionReason, Lease, Order, Photo, PhotoCheck, Staff
from app.rules.states import OrderState
from app.services.unit import unit_of_work

COUNTED = 1000


@dataclass(frozen=True)
class Filters:
    """What a reviewer wants to see; stands in the page's address."""

    school: int | None = None
    campaign: int | None = None
    verdict: str = ""
    check: str = ""
    reason: str = ""
    kind: str = ""
    """new, resubmitted or appeal."""
    sort: str = ""
    """Empty: the longest waiting first. `verdict`: what needs a person's eye first."""

    def query(self) -> dict[str, Any]:
        """The filters that are set, for addresses."""
        return {name: value for name, value in vars(self).items() if value}


def waiting(staff: Staff, filters: Filters) -> Any:
    """Orders that this person may decide, in order. Never one whose appeal is against their own decision."""
    query: Any = (
        select(Order).join(Photo, Photo.id == Order.photo_id).where(Order.state == OrderState.PENDING_REVIEW.value)
    )
    query = query.where(~_own_appeal(staff))
    if staff.school_ids:
        query = query.where(Order.school_id.in_(staff.school_ids))
    if filters.school:
        query = query.where(Order.school_id == filters.school)
    if filters.campaign:
        query = query.where(Order.campaign_id == filters.campaign)
    if filters.verdict:
        query = query.where(Photo.verdict == filters.verdict)
    if filters.check:
        bad = and_(PhotoCheck.code == filters.check, PhotoCheck.verdict.in_(("fail", "warn")))
        query = query.where(exists().where(PhotoCheck.photo_id == Photo.id, bad))
    if filters.reason:
        query = query.where(
            exists().where(DecisionReason.decision_id == Order.decision_id, DecisionReason.code == filters.reason)
        )
    query = _of_kind(query, filters.kind)
    if filters.sort == "verdict":
        return query.order_by(Photo.verdict.desc(), Order.state_since, Order.id)
    return query.order_by(Order.state_since, Order.id)


def _own_appeal(staff: Staff) -> Any:
    return exists().where(
        Decision.id == Order.decision_id, Decision.staff_id == staff.id, Decision.appealed_at.is_not(None)
    )


def _of_kind(query: Any, kind: str) -> Any:
    if kind == "new":
        return query.where(Order.decision_id.is_(None))
    if kind == "resubmitted":
        return query.where(Order.decision_id.is_not(None))
    if kind == "appeal":
        return query.where(exists().where(Decision.id == Order.decision_id, Decision.appealed_at.is_not(None)))
    return query


def _free(staff: Staff) -> Any:
    """Condition: nobody else is offered the order now."""
    return ~exists().where(Lease.order_id == Order.id, Lease.staff_id != staff.id, Lease.expires_at > now())


def offer_next(staff: Staff, filters: Filters, skip: Sequence[int] = ()) -> Order | None:
    """Offer the first free order to this person, leased; None when nothing is left."""
    for _ in range(20):  # others may be faster for the same one
        query = waiting(staff, filters).where(_free(staff))
        if skip:
            query = query.where(Order.id.not_in(skip))
        order = db.session.scalar(query.limit(1))
        if order is None:
            return None
        order_id = order.id
        if lease(order_id, staff):
            return db.session.get(Order, order_id)
    return None


def peek(staff: Staff, filters: Filters, skip: Sequence[int]) -> Order | None:
    """What would be offered after `skip`: to fetch its picture early. Nothing is leased, nobody has seen it."""
    query = waiting(staff, filters).where(_free(staff), Order.id.not_in(skip))
    return db.session.scalar(query.limit(1))


def lease(order_id: int, staff: Staff, *, take_over: bool = False) -> bool:
    """Offer this order to this person for a short time; False when somebody else has it and is not taken over."""
    staff_id, moment = staff.id, now()
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    values = {
        "staff_id": staff_id,
        "token": secrets.token_hex(8),
        "expires_at": moment + timedelta(seconds=current_app.config["LEASE_SECONDS"]),
    }
    free = None if take_over else or_(Lease.expires_at <= moment, Lease.staff_id == staff_id)
    statement = insert(Lease).values(order_id=order_id, **values)
    statement = statement.on_conflict_do_update(index_elements=[Lease.order_id], set_=values, where=free)
    with unit_of_work():  # the row comes back only when it was written: a row count is not told for it everywhere
        return db.session.scalar(statement.returning(Lease.order_id)) is not None


def release(order_id: int, staff: Staff) -> None:
    """Let go of an order that was offered to this person."""
    staff_id = staff.id
    with unit_of_work():
        db.session.execute(delete(Lease).where(Lease.order_id == order_id, Lease.staff_id == staff_id))


def holder(order_id: int) -> Staff | None:
    """Who is offered this order now."""
    return db.session.scalar(
        select(Staff)
        .join(Lease, Lease.staff_id == Staff.id)
        .where(Lease.order_id == order_id, Lease.expires_at > now())
    )


def count(staff: Staff, filters: Filters) -> int:
    """How many wait, counted up to COUNTED: nobody reads more, and a full count costs with every waiting order."""
    inner = waiting(staff, filters).order_by(None).with_only_columns(Order.id).limit(COUNTED).subquery()
    return db.session.scalar(select(func.count()).select_from(inner)) or 0


def page(staff: Staff, filters: Filters, limit: int = 50) -> Sequence[Order]:
    """The first waiting orders, leased or not."""
    return db.session.scalars(waiting(staff, filters).limit(limit)).all()
