"""Finding an order: by number, name, student number, last four of the identity number, or phone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.models import Form, Order, Staff
from app.rules.fields import clean
from app.services.access import reach

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
    return db.session.scalars(reach.narrowed(query, staff).order_by(Order.id.desc()).limit(LIMIT)).all()


def statements(text: str) -> list[Any]:
    """One look-up for each way the text may be meant; a test reads their plans."""
    return [select(Form.id, Form.order_id).where(column == value).limit(MANY) for _kind, column, value in ways(text)]
