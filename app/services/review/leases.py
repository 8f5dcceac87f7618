"""Leases: who is offered an order, in which tab, for a short time. The order's version decides who wins, not the lease.

A tab holds what it shows and the one it has ready behind it. It renews both while it lives; after silence they are free
again by themselves, and anybody may take one over at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import and_, bindparam, delete, exists, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.clock import now
from app.extensions import db
from app.models import Lease, Order, Staff
from app.rules.states import OrderState
from app.services.unit import unit_of_work


@dataclass(frozen=True)
class Holder:
    """Who is offered an order now, and in which of their tabs."""

    staff_id: int
    name: str
    tab: str


def asks(staff: Staff, tab: str) -> dict[str, Any]:
    """What `free` leaves open: whose tab asks, and when."""
    return {"me": staff.id, "tab": tab, "moment": now()}


def free() -> Any:
    """Condition on Order: no other tab than the one that asks, of whomever, is offered it now."""
    mine = _mine(bindparam("tab"), bindparam("me"))
    return ~exists().where(Lease.order_id == Order.id, Lease.expires_at > bindparam("moment"), ~mine)


def _mine(tab: Any, staff_id: Any) -> Any:
    return and_(Lease.staff_id == staff_id, Lease.token == tab)


def lease(order_id: int, staff: Staff, tab: str = "", *, take_over: bool = False) -> bool:
    """Offer this order to this tab for a short time, or renew it.

    False when another tab has it and it is not taken over, when it waits no more, or when its school is not theirs.
    """
    return bool(lease_all([order_id], staff, tab, take_over=take_over))


def lease_all(order_ids: Iterable[int], staff: Staff, tab: str, *, take_over: bool = False) -> set[int]:
    """Offer or renew several in one transaction; returns those that are this tab's now."""
    wanted, staff_id, moment = sorted(set(order_ids)), staff.id, now()
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    values = {
        "staff_id": staff_id,
        "token": tab,
        "expires_at": moment + timedelta(seconds=current_app.config["LEASE_SECONDS"]),
    }
    given = [literal(value, Lease.__table__.c[name].type) for name, value in values.items()]
    waiting = select(Order.id, *given).where(*_waits(wanted, staff)).order_by(Order.id)
    available = None if take_over else or_(Lease.expires_at <= moment, _mine(tab, staff_id))
    statement = insert(Lease).from_select(["order_id", *values], waiting)
    statement = statement.on_conflict_do_update(index_elements=[Lease.order_id], set_=values, where=available)
    with unit_of_work():  # the rows that come back were written: a row count is not told for them everywhere
        return set(db.session.scalars(statement.returning(Lease.order_id)))


def _waits(order_ids: Iterable[int], staff: Staff) -> list[Any]:
    """Of these orders the waiting ones of this person's schools; others are as if they were not there."""
    conditions = [Order.id.in_(order_ids), Order.state == OrderState.PENDING_REVIEW.value]
    return conditions + ([Order.school_id.in_(staff.school_ids)] if staff.school_ids else [])


def renew(order_ids: Sequence[int], staff: Staff, tab: str) -> set[int]:
    """The tab lives: keep what it holds, or take back what nobody took meanwhile. Returns what it has lost."""
    kept = lease_all(order_ids, staff, tab)
    return set(db.session.scalars(select(Order.id).where(*_waits(order_ids, staff)))) - kept


def release(order_ids: Sequence[int], staff: Staff, tab: str = "") -> None:
    """Let go of what this tab was offered."""
    staff_id = staff.id
    with unit_of_work():
        db.session.execute(delete(Lease).where(Lease.order_id.in_(order_ids), _mine(tab, staff_id)))


def holders(order_ids: Sequence[int]) -> Mapping[int, Holder]:
    """Who is offered which of these orders now."""
    rows = db.session.execute(
        select(Lease.order_id, Staff.id, Staff.name, Lease.token)
        .join(Staff, Staff.id == Lease.staff_id)
        .where(Lease.order_id.in_(order_ids), Lease.expires_at > now())
    )
    return {order_id: Holder(staff_id, name, tab) for order_id, staff_id, name, tab in rows}
