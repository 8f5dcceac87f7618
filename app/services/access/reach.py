"""Which orders somebody of the staff may see: those of the schools that they are bound to, or all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.extensions import db
from app.models import Order, Staff
from app.rules.faults import NotFound


def narrowed(query: Any, staff: Staff) -> Any:
    """Only orders that this person may see; the query has to have Order in it."""
    return query.where(Order.school_id.in_(staff.school_ids)) if staff.school_ids else query


def visible(staff: Staff, number: str) -> Order:
    """One order that this person may see. Raises NotFound for others."""
    order = db.session.scalar(narrowed(select(Order).where(Order.number == number), staff))
    if order is None:
        raise NotFound
    return order


def number(staff: Staff, order_id: int) -> str:
    """The number of an order that this person may see. Raises NotFound for others."""
    found = db.session.scalar(narrowed(select(Order.number).where(Order.id == order_id), staff))
    if found is None:
        raise NotFound
    return found


def within(staff: Staff, order_id: int) -> None:
    """Raises NotFound for an order that this person may not see."""
    if db.session.scalar(narrowed(select(Order.id).where(Order.id == order_id), staff)) is None:
        raise NotFound
