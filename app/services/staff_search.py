"""Finding an order: by number, name, student number, last four of the identity number, or phone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import current_app
from sqlalchemy import or_, select

from app.adapters.clock import now
from app.extensions import db
from app.models import Form, Order, Photo, PhotoView, Staff
from app.rules.faults import Invalid, NotAllowed, NotFound
from app.rules.text import N_
from app.services import audit
from app.services.unit import unit_of_work

LIMIT = 50


def find(staff: Staff, text: str) -> Sequence[Order]:
    """Orders that match, the newest first, within this person's schools; nothing for an empty text."""
    text = text.strip()
    if len(text) < 2:
        return []
    matches = [Order.number == text.upper(), Form.name == text, Form.student_no == text]
    if re.fullmatch(r"[0-9]{3}[0-9Xx]", text):
        matches.append(Form.id_last4 == text.upper())
    if re.fullmatch(r"\+?[0-9]{7,15}", text):
        matches.append(Form.phone_hmac == current_app.extensions["keys"].digest(text))
    query = select(Order).outerjoin(Form, Form.id == Order.form_id).where(or_(*matches))
    return db.session.scalars(_within(query, staff).order_by(Order.id.desc()).limit(LIMIT)).all()


def _within(query, staff: Staff):  # type: ignore[no-untyped-def]
    return query.where(Order.school_id.in_(staff.school_ids)) if staff.school_ids else query


def visible(staff: Staff, number: str) -> Order:
    """One order that this person may see. Raises NotFound for others."""
    order = db.session.scalar(_within(select(Order).where(Order.number == number), staff))
    if order is None:
        raise NotFound
    return order


def within_reach(staff: Staff, order_id: int) -> None:
    """Raises NotFound for an order that this person may not see."""
    if db.session.scalar(_within(select(Order.id).where(Order.id == order_id), staff)) is None:
        raise NotFound


def unmask(staff: Staff, number: str, cause: str) -> Form:
    """The form with its identity number, for a cause that is logged. Raises Invalid without one."""
    if len(cause.strip()) < 2:
        raise Invalid(N_("请填写查看原因"), {"cause": N_("请填写查看原因")})
    with unit_of_work():
        order = visible(staff, number)
        if order.form is None:
            raise NotFound
        audit.note(staff, "identity.shown", f"order-{order.id}", cause.strip()[:200])
        return order.form


def saw_photo(staff: Staff, photo_id: int, purpose: str) -> None:
    """Write down that this person was shown a photo; the student can see it."""
    with unit_of_work():
        photo = db.session.get(Photo, photo_id)
        if photo is None or photo.order_id is None:
            raise NotFound
        order = db.session.get_one(Order, photo.order_id)
        if staff.school_ids and order.school_id not in staff.school_ids:
            raise NotAllowed
        db.session.add(PhotoView(photo_id=photo_id, staff_id=staff.id, purpose=purpose, at=now()))
