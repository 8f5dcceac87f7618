"""Reasons for rejection, edited."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.rules.faults import Invalid
from app.rules.fields import FIELDS
from app.rules.states import Role
from app.security import roles
from app.services import reasons
from app.views.review.blueprint import bp


@bp.get("/reasons")
@roles(Role.LEAD, Role.ADMIN)
def reason_list() -> Any:
    return render_template("review/reasons.html", reasons=reasons.everything(), fields=FIELDS, values={}, wrong={})


@bp.post("/reasons")
@roles(Role.LEAD, Role.ADMIN)
def save_reason() -> Any:
    values = request.form.to_dict()
    try:
        reasons.save(values, current_user)
    except Invalid as fault:
        page = render_template(
            "review/reasons.html", reasons=reasons.everything(), fields=FIELDS, values=values, wrong=fault.fields
        )
        return page, 422
    flash(_("已保存"))
    return redirect(url_for("review.reason_list"), 303)
