"""The roster of a campaign: upload, match the columns, try, take; every row's problem."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.rules.faults import Invalid
from app.rules.states import Role
from app.rules.text import N_
from app.security import roles
from app.services.schools import roster_imports, rosters, schools
from app.views.forms import page_number, sentences, uploaded
from app.views.tables import send_table

bp = Blueprint("rosters", __name__, url_prefix="/schools/campaigns/<code>/roster")

READERS = (Role.SCHOOL, Role.ADMIN)

FIELDS = (
    ("student_no", N_("学号")), ("name", N_("姓名")), ("college", N_("学院")), ("class_name", N_("班级")),
    ("contact", N_("邮箱")),
)  # fmt: skip
PAGE = 200


@bp.get("/")
@roles(*READERS)
def index(code: str) -> Any:
    return _index(code, {})


def _index(code: str, wrong: dict[str, str], status: int = 200) -> Any:
    found = schools.campaign(current_user, code)
    return render_template(
        "rosters/index.html", campaign=found, size=rosters.size(found.id), imports=roster_imports.recent(found),
        wrong=wrong,
    ), status  # fmt: skip


@bp.post("/")
@roles(*READERS)
def upload(code: str) -> Any:
    found = schools.campaign(current_user, code)
    try:
        made = roster_imports.upload(found, current_user, uploaded("roster"))
    except Invalid as fault:
        return _index(code, sentences(fault), 422)
    return redirect(url_for("rosters.show", code=code, import_id=made.id), 303)


@bp.post("/clear")
@roles(*READERS)
def clear(code: str) -> Any:
    count = rosters.clear(schools.campaign(current_user, code).id, current_user)
    flash(_("名单已清空（%(n)s 人），订单不受影响", n=count))
    return redirect(url_for("rosters.index", code=code), 303)


@bp.get("/<int:import_id>")
@roles(*READERS)
def show(code: str, import_id: int) -> Any:
    return _show(code, import_id, {})


def _show(code: str, import_id: int, wrong: dict[str, str], status: int = 200) -> Any:
    found = schools.campaign(current_user, code)
    row = roster_imports.find(found, import_id)
    page = page_number()
    problems = row.problems[(page - 1) * PAGE : page * PAGE]
    return render_template(
        "rosters/show.html", campaign=found, row=row, fields=FIELDS, problems=problems, page=page, size=PAGE,
        wrong=wrong, tick=0,
    ), status  # fmt: skip


@bp.get("/<int:import_id>/state")
@roles(*READERS)
def state(code: str, import_id: int) -> Any:
    """How far it is; the whole page again once it has stopped."""
    found = schools.campaign(current_user, code)
    row, tick = roster_imports.find(found, import_id), request.args.get("tick", 0, type=int) + 1
    if row.state not in ("reading", "running"):
        return "", 200, {"HX-Refresh": "true"}
    return render_template("rosters/_state.html", campaign=found, row=row, tick=tick)


@bp.post("/<int:import_id>")
@roles(*READERS)
def start(code: str, import_id: int) -> Any:
    found = schools.campaign(current_user, code)
    columns = {name: request.form.get(f"column_{name}", "") for name, _label in FIELDS}
    try:
        roster_imports.start(found, import_id, columns, dry_run=request.form.get("dry_run") == "1")
    except Invalid as fault:
        return _show(code, import_id, sentences(fault), 422)
    return redirect(url_for("rosters.show", code=code, import_id=import_id), 303)


@bp.get("/<int:import_id>/problems.csv")
@roles(*READERS)
def problems(code: str, import_id: int) -> Response:
    row = roster_imports.find(schools.campaign(current_user, code), import_id)
    lines = [(number, _(sentence)) for number, sentence in row.problems]
    return send_table("problems", "csv", [_("行"), _("问题")], lines)
