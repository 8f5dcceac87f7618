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
from sqlalchemy import and_, bindparam, delete, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.clock import now
from app.extensions import db
from app.models import Lease, Order, Staff
from app.rules.states import OrderState
from app.services.statements import written_once
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
    return ~exists().where(Lease.order_id == Order.id, Lease.expires_at > bindparam("moment"), ~_mine())


def _mine() -> Any:
    return and_(Lease.staff_id == bindparam("me"), Lease.token == bindparam("tab"))


def lease(order_id: int, staff: Staff, tab: str = "", *, take_over: bool = False) -> bool:
    """Offer this order to this tab for a short time, or renew it.

    False when another tab has it and it is not taken over, when it waits no more, or when its school is not theirs.
    """
    return bool(lease_all([order_id], staff, tab, take_over=take_over))


def lease_all(order_ids: Iterable[int], staff: Staff, tab: str, *, take_over: bool = False) -> set[int]:
    """Offer or renew several in one transaction; returns those that are this tab's now."""
    lasts = timedelta(seconds=current_app.config["LEASE_SECONDS"])
    who = _whose(order_ids, staff) | asks(staff, tab)
    statement = _offering(db.engine.dialect.name, bound=bool(staff.school_ids), take_over=take_over)
    with unit_of_work():  # the rows that come back were written: a row count is not told for them everywhere
        return set(db.session.scalars(statement, who | {"until": who["moment"] + lasts}))


@written_once
def _offering(dialect: str, *, bound: bool, take_over: bool) -> Any:
    table = Lease.__table__
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    asked = {"staff_id": "me", "token": "tab", "expires_at": "until"}
    given = {name: bindparam(value, type_=table.c[name].type) for name, value in asked.items()}
    waiting = select(Order.id, *given.values()).where(*_waits(bound=bound)).order_by(Order.id)
    statement = insert(table).from_select(["order_id", *given], waiting)  # type: ignore[arg-type]
    available = None if take_over else or_(table.c.expires_at <= bindparam("moment"), _mine())
    values = {name: statement.excluded[name] for name in given}
    update = statement.on_conflict_do_update(index_elements=[table.c.order_id], set_=values, where=available)
    return update.returning(table.c.order_id)


def _whose(order_ids: Iterable[int], staff: Staff) -> dict[str, Any]:
    """What `_waits` leaves open."""
    return {"orders": sorted(set(order_ids)), "my_schools": sorted(staff.school_ids)}


def _waits(*, bound: bool) -> list[Any]:
    """Of these orders the waiting ones of this person's schools; others are as if they were not there."""
    mine = [Order.school_id.in_(bindparam("my_schools", expanding=True))] if bound else []
    orders = Order.id.in_(bindparam("orders", expanding=True))
    return [orders, Order.state == OrderState.PENDING_REVIEW.value, *mine]


def renew(order_ids: Sequence[int], staff: Staff, tab: str) -> set[int]:
    """The tab lives: keep what it holds, or take back what nobody took meanwhile. Returns what it has lost."""
    kept = lease_all(order_ids, staff, tab)
    waiting = select(Order.id).where(*_waits(bound=bool(staff.school_ids)))
    return set(db.session.scalars(waiting, _whose(order_ids, staff))) - kept


def release(order_ids: Sequence[int], staff: Staff, tab: str = "") -> None:
    """Let go of what this tab was offered."""
    mine = (Lease.staff_id == staff.id, Lease.token == tab)
    with unit_of_work():
        db.session.execute(delete(Lease).where(Lease.order_id.in_(order_ids), *mine))


def holders(order_ids: Sequence[int]) -> Mapping[int, Holder]:
    """Who is offered which of these orders now."""
    rows = db.session.execute(
        select(Lease.order_id, Staff.id, Staff.name, Lease.token)
        .join(Staff, Staff.id == Lease.staff_id)
        .where(Lease.order_id.in_(order_ids), Lease.expires_at > now())
    )
    return {order_id: Holder(staff_id, name, tab) for order_id, staff_id, name, tab in rows}
