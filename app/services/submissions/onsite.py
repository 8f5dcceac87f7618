"""What a studio and a producer do for a student who was photographed on site."""

from __future__ import annotations

from sqlalchemy import select

from app.extensions import db
from app.models import Order, Photo
from app.rules.faults import StaleOrder
from app.rules.states import Role
from app.services.submissions.photo import keep_photo
from app.services.submissions.submit import hand_in
from app.services.submissions.uploads import must_be_editable
from app.services.transitions import Actor
from app.services.unit import unit_of_work


def add_onsite_photo(order_id: int, data: bytes) -> Photo:
    """Keep a studio's photo on an order and have it checked like any other. It takes none of the student's tries.

    Raises Invalid for what is no picture; ActionNotAllowed or ConsentNeeded where the order takes no photo now;
    StaleOrder when the order has got this very photo meanwhile.
    """
    return keep_photo(lambda: db.session.get_one(Order, order_id), data, "onsite", _may_take)


def _may_take(order: Order, digest: str) -> None:
    must_be_editable(order)
    if db.session.scalar(select(Photo.id).where(Photo.order_id == order.id, Photo.original_sha256 == digest)):
        raise StaleOrder


def submit_onsite(order_id: int, staff_id: int) -> Order:
    """Submit a draft with a studio photo for its student, under the same guards as the student's own submission."""
    with unit_of_work() as unit:
        order = db.session.get_one(Order, order_id)
        hand_in(unit, order, Actor(Role.PRODUCER, staff_id), order.version)
    return order
