"""The form step: pick lists, what is typed, accepted versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from flask import current_app
from sqlalchemy import func, select

from app.extensions import db
from app.models import Campaign, Form, Order
from app.rules.faults import Invalid
from app.rules.fields import CATEGORIES, FIELDS, ID_TYPES, LEVELS, check_form
from app.services.submissions.shown import owned
from app.services.submissions.uploads import must_be_editable
from app.services.transitions import touch
from app.services.unit import unit_of_work


def pick_lists(campaign: Campaign, college: str = "") -> dict[str, Sequence[str]]:
    """The values that a campaign's form offers, by the name that a field asks for."""
    school = campaign.school
    colleges = list(school.colleges)
    classes = school.colleges.get(college, [name for names in school.colleges.values() for name in names])
    return {
        "id_types": list(ID_TYPES),
        "levels": LEVELS,
        "categories": CATEGORIES,
        "campuses": school.campuses,
        "schools": [school.name],
        "colleges": colleges,
        "classes": classes,
    }


def typed(order: Order) -> dict[str, str]:
    """What stands in the form: as last typed, else as last accepted, else empty but for what is known."""
    if order.typed:
        kept: dict[str, str] = json.loads(order.typed)
        return kept
    if order.form is not None:
        return {field.name: str(getattr(order.form, field.name)) for field in FIELDS}
    return {"school_name": order.school.name, "id_type": "resident_id", "campus": (order.school.campuses or [""])[0]}


def keep_typed(account_id: int, number: str, values: Mapping[str, str]) -> None:
    """Keep the form as typed so far, so that closing the page loses nothing."""
    known = {field.name: str(values.get(field.name, ""))[:300] for field in FIELDS}
    with unit_of_work():
        order = owned(account_id, number)
        must_be_editable(order)
        order.typed = json.dumps(known, ensure_ascii=False)


def save_form(account_id: int, number: str, values: Mapping[str, str]) -> Form:
    """A new form version. Raises Invalid with a sentence for every wrong field; what was typed is kept either way."""
    keep_typed(account_id, number, values)
    order = owned(account_id, number)
    cleaned, wrong = check_form(values, pick_lists(order.campaign, values.get("college", "")))
    if wrong:
        raise Invalid(fields=wrong)
    keys = current_app.extensions["keys"]
    with unit_of_work():
        order = owned(account_id, number)
        must_be_editable(order)
        last = db.session.scalar(select(func.max(Form.no)).where(Form.order_id == order.id)) or 0
        form = Form(
            order_id=order.id,
            no=last + 1,
            id_hmac=keys.digest(cleaned["id_no"]),
            id_last4=cleaned["id_no"][-4:],
            phone_hmac=keys.digest(cleaned["phone"]),
            **cleaned,
        )
        db.session.add(form)
        db.session.flush()
        touch(order, form_id=form.id, typed=None)
    return form
