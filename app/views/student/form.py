"""The form step."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from flask_login import current_user

from app.models import Order
from app.rules.faults import Invalid
from app.rules.fields import BY_NAME, FIELDS, GROUPS, check_field, check_form
from app.security import student_only
from app.services import submissions
from app.services.schools import rosters
from app.views.student.blueprint import bp, order_to_edit, own_order


@bp.get("/orders/<number>/form")
@student_only
def form(number: str) -> Any:
    found = order_to_edit(number)
    return _form_page(found, submissions.typed(found), {})


def _form_page(found: Order, values: dict[str, str], wrong: dict[str, str], status: int = 200) -> Any:
    page = render_template(
        "student/form.html",
        order=found,
        groups=GROUPS,
        by_name=BY_NAME,
        values=values,
        wrong=wrong,
        lists=submissions.pick_lists(found.campaign, values.get("college", "")),
        mismatch=rosters.mismatch(found.campaign_id, values),
    )
    return page, status


def _typed_values() -> dict[str, str]:
    return {field.name: request.form.get(field.name, "") for field in FIELDS}


@bp.post("/orders/<number>/form")
@student_only
def save_form(number: str) -> Any:
    values = _typed_values()
    try:
        submissions.save_form(current_user.id, number, values)
    except Invalid as fault:
        return _form_page(own_order(number), values, fault.fields, 422)
    return redirect(url_for("student.photo", number=number), 303)


@bp.post("/orders/<number>/form/typed")
@student_only
def typed(number: str) -> Any:
    """Keep what is typed, and answer with the sentence for the one field that changed."""
    values, name = _typed_values(), request.args.get("field", "")
    submissions.keep_typed(current_user.id, number, values)
    if name not in BY_NAME:
        return "", 204
    found = own_order(number)
    lists = submissions.pick_lists(found.campaign, values.get("college", ""))
    cleaned, _wrong = check_form(values, lists)
    return render_template(
        "student/_typed.html",
        order=found,
        field=BY_NAME[name],
        by_name=BY_NAME,
        sentence=check_field(name, cleaned, lists) if values[name] else "",
        values=values,
        lists=lists,
        wrong={},
        mismatch=rosters.mismatch(found.campaign_id, cleaned),
    )
