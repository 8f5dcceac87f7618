"""What was decided: by somebody lately, and about one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Bundle, joinedload, selectinload

from app.extensions import db
from app.models import Decision, Form, Order, Photo, Staff
from app.rules.states import Action, OrderState, allowed
from app.services.review import decisions


@dataclass(frozen=True)
class Recent:
    """One of a person's last decisions, with what is shown of it, of the order and its photo."""

    decision: Any
    order: Any
    photo: Any
    name: str
    """The student's."""
    still: str
    """What can be done about it: undo, recall or open."""


_RECENT: Any = (
    select(
        Bundle("decision", Decision.id, Decision.outcome, Decision.visible_from, Decision.undone_at),
        Bundle("order", Order.number, Order.state, Order.decision_id),
        Bundle("photo", Photo.id, Photo.rendition_key),
        Form.name,
    )
    .join(Order, Order.id == Decision.order_id)
    .join(Photo, Photo.id == Decision.photo_id)
    .join(Form, Form.id == Order.form_id)
    .where(Decision.staff_id == bindparam("me"), Decision.undone_at.is_(None))
    .order_by(Decision.id.desc())
    .limit(bindparam("limit"))
)


def recent(staff: Staff, limit: int = 10) -> Sequence[Recent]:
    """This person's last decisions that stand, the newest first, each with the button that still applies."""
    rows = db.session.execute(_RECENT, {"me": staff.id, "limit": limit})
    return [
        Recent(row.decision, row.order, row.photo, row.name, _still(staff, row.decision, row.order)) for row in rows
    ]


def _still(staff: Staff, decision: Any, order: Any) -> str:
    if decisions.undoable(decision, order):
        return "undo"
    may = allowed(OrderState(order.state), staff.roles)
    return "recall" if Action.RECALL in may and order.decision_id == decision.id else "open"


_OF_ORDER = (
    select(Decision)
    .options(joinedload(Decision.reasons), joinedload(Decision.form))
    .where(Decision.order_id == bindparam("order_id"), Decision.undone_at.is_(None))
    .order_by(Decision.id.desc())
    .limit(bindparam("limit"))
)


def of_order(order_id: int, limit: int = 10) -> Sequence[Decision]:
    """The decisions about an order that stand, the newest first, with their reasons and the form decided on."""
    return db.session.scalars(_OF_ORDER, {"order_id": order_id, "limit": limit}).unique().all()


def with_names(order: Order) -> Sequence[tuple[Decision, str]]:
    """Every decision about an order, also those undone, the newest first, with each reviewer's name."""
    query = (
        select(Decision, Staff.name)
        .join(Staff, Staff.id == Decision.staff_id)
        .where(Decision.order_id == order.id)
        .options(selectinload(Decision.reasons))
        .order_by(Decision.id.desc())
    )
    return [(decision, name) for decision, name in db.session.execute(query)]
