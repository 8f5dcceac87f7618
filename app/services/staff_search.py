"""Finding an order: by number, name, student number, last four of the identity number, or phone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from app.adapters.clock import now
from app.extensions import db
from app.models import CodeImage, Decision, Form, Order, Photo, PhotoView, Staff
from app.rules.faults import Invalid, NotAllowed, NotFound
from app.rules.fields import clean
from app.rules.text import N_
from app.services import audit
from app.services.unit import unit_of_work

LIMIT = 50

MANY = 2000
"""So many people of one name are looked through; the most frequent name of a million students has a few hundred."""

Way = tuple[str, Any, str]
"""What is looked for (a kind), the column, and the exact text it has to be."""


def private(text: str) -> bool:
    """Whether what is typed may be an identity or phone number: such a text stands in no address and no log."""
    return bool(re.fullmatch(r"\+?[0-9\s-]{3,}[0-9Xx]", text.strip()))


def ways(text: str) -> list[Way]:
    """How a typed text may be meant, each an equality on a column with an index of its own."""
    found: list[Way] = [
        ("name", Form.name, clean("name", text)),
        ("student_no", Form.student_no, clean("student_no", text)),
    ]
    if re.fullmatch(r"[0-9]{3}[0-9Xx]", text.strip()):
        found.append(("id_last4", Form.id_last4, text.strip().upper()))
    phone = clean("phone", text)
    if re.fullmatch(r"\+?[0-9]{7,15}", phone):
        found.append(("phone", Form.phone_hmac, current_app.extensions["keys"].digest(phone)))
    return found


def find(staff: Staff, text: str) -> Sequence[Order]:
    """Orders that match by number or by their current form, the newest first, within this person's schools.

    Two steps, each by an index: who it could be, then their orders. Nothing for fewer than two characters.
    """
    if len(text.strip()) < 2:
        return []
    number = text.strip().upper()
    people = {row for statement in statements(text) for row in db.session.execute(statement)}
    ids, forms = {order_id for _form_id, order_id in people}, {form_id for form_id, _order_id in people}
    found = db.session.scalar(select(Order.id).where(Order.number == number))
    query = (
        select(Order)
        .where(Order.id.in_(ids | ({found} if found else set())))
        .where(or_(Order.form_id.in_(forms), Order.number == number))  # an earlier form is not what holds now
        .options(joinedload(Order.form), joinedload(Order.school), joinedload(Order.campaign))
    )
    return db.session.scalars(_within(query, staff).order_by(Order.id.desc()).limit(LIMIT)).all()


def statements(text: str) -> list[Any]:
    """One look-up for each way the text may be meant; a test reads their plans."""
    return [select(Form.id, Form.order_id).where(column == value).limit(MANY) for _kind, column, value in ways(text)]


def _within(query, staff: Staff):  # type: ignore[no-untyped-def]
    return query.where(Order.school_id.in_(staff.school_ids)) if staff.school_ids else query


def visible(staff: Staff, number: str) -> Order:
    """One order that this person may see. Raises NotFound for others."""
    order = db.session.scalar(_within(select(Order).where(Order.number == number), staff))
    if order is None:
        raise NotFound
    return order


def number(staff: Staff, order_id: int) -> str:
    """The number of an order that this person may see. Raises NotFound for others."""
    found = db.session.scalar(_within(select(Order.number).where(Order.id == order_id), staff))
    if found is None:
        raise NotFound
    return found


def decisions_of(order: Order) -> Sequence[tuple[Decision, str]]:
    """What was decided about an order, the newest first, with each reviewer's name."""
    query = (
        select(Decision, Staff.name)
        .join(Staff, Staff.id == Decision.staff_id)
        .where(Decision.order_id == order.id)
        .options(selectinload(Decision.reasons))
        .order_by(Decision.id.desc())
    )
    return [(decision, name) for decision, name in db.session.execute(query)]


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


OPENED = "opened"
"""A photo's picture went to somebody's browser; that it was on the screen, only the page can say."""

SAME_LOOK = timedelta(hours=1)
"""Pictures of one photo that one person's browser fetches within this time are one look."""


def send_photo_to(staff: Staff, photo_id: int) -> Photo:
    """A photo whose picture goes to this person's browser, which is written down first, whatever its page then says.

    Raises NotFound for no photo of an order, NotAllowed for one of another school.
    """
    looks = select(PhotoView.id).where(
        PhotoView.photo_id == photo_id, PhotoView.staff_id == staff.id, PhotoView.at > now() - SAME_LOOK
    )
    if db.session.scalar(looks.limit(1)) is None:
        saw_photo(staff, photo_id, OPENED)
    return _photo_within(staff, photo_id)


def saw_photo(staff: Staff, photo_id: int, purpose: str) -> None:
    """Write down that this person was shown a photo; the student can see it.

    Where it was only known to be OPENED, that row now says more.
    """
    with unit_of_work():
        _photo_within(staff, photo_id)
        opened = db.session.scalar(
            select(PhotoView)
            .where(PhotoView.photo_id == photo_id, PhotoView.staff_id == staff.id, PhotoView.purpose == OPENED)
            .where(PhotoView.at > now() - SAME_LOOK)
            .limit(1)
        )
        if opened is not None:
            opened.purpose, opened.at = purpose, now()
        else:
            db.session.add(PhotoView(photo_id=photo_id, staff_id=staff.id, purpose=purpose, at=now()))


def _photo_within(staff: Staff, photo_id: int) -> Photo:
    photo = db.session.get(Photo, photo_id)
    if photo is None or photo.order_id is None:
        raise NotFound
    order = db.session.get_one(Order, photo.order_id)
    if not staff.sees(order.school_id):
        raise NotAllowed
    return photo


def code_picture(staff: Staff, number: str) -> CodeImage:
    """The collection code's picture that this person looks at, which is logged. Raises NotFound where there is none."""
    with unit_of_work():
        order = visible(staff, number)
        if order.code is None:
            raise NotFound
        audit.note(staff, "code.shown", f"order-{order.id}")
        return order.code
