"""The collection-code step."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.security import student_only
from app.services import submissions
from app.services.students import student_requests
from app.views.forms import after_upload, uploaded
from app.views.student.blueprint import bp, order_to_edit, own_order
from app.views.student.facts import LONG, delay


@bp.get("/orders/<number>/code")
@student_only
def code(number: str) -> Any:
    order_to_edit(number)
    return render_template("student/code.html", **_code_facts(number, 0))


def _code_facts(number: str, tick: int) -> dict[str, Any]:
    found = own_order(number)
    asked = student_requests.about_code(found.code)
    return {"order": found, "tick": tick, "delay": delay(tick), "long": tick > LONG, "request_made": asked}


@bp.post("/orders/<number>/code")
@student_only
def upload_code(number: str) -> Any:
    submissions.upload_code(current_user.id, number, uploaded("code"))
    return after_upload(url_for("student.code", number=number))


@bp.get("/orders/<number>/code/status")
@student_only
def code_status(number: str) -> Any:
    tick = request.args.get("tick", 0, type=int) + 1
    return render_template("student/_code.html", **_code_facts(number, tick))


@bp.post("/orders/<number>/code/person")
@student_only
def code_person(number: str) -> Any:
    submissions.ask_person_for_code(current_user.id, number)
    flash(_("已提交人工处理申请，结果会显示在本页"))
    return redirect(url_for("student.code", number=number), 303)
