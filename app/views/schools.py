"""Schools, and a campaign's progress; a liaison sees their own school only."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.rules.faults import Invalid
from app.rules.labels import STAGE_LABELS
from app.rules.school_form import write_colleges
from app.rules.states import Role
from app.rules.text import N_
from app.security import roles
from app.services import audit, batches
from app.services.schools import campaigns, progress, reminders, schools
from app.views.forms import page_number, sentences
from app.views.tables import send_table

bp = Blueprint("schools", __name__, url_prefix="/schools")

READERS = (Role.SCHOOL, Role.ADMIN)

CLASS_HEAD = (N_("学院"), N_("班级"), N_("应采集"), N_("已完成"), N_("审核中"), N_("待学生处理"), N_("未开始"))
LINE_HEAD = (N_("学院"), N_("班级"), N_("学号"), N_("姓名"), N_("情况"), N_("订单号"))


@bp.get("/")
@roles(*READERS)
def index() -> Any:
    text, page = request.args.get("q", ""), page_number()
    found, total = campaigns.listed(current_user, text, page)
    return render_template(
        "schools/index.html", campaigns=found, total=total, page=page, size=campaigns.PAGE, text=text,
        schools=schools.visible(current_user),
    )  # fmt: skip


@bp.get("/new")
@roles(Role.ADMIN)
def new() -> Any:
    return _editor({"active": "1"}, {})


@bp.get("/<code>/edit")
@roles(Role.ADMIN)
def edit(code: str) -> Any:
    found = schools.by_code(code)
    values = {
        "code": found.code, "name": found.name, "name_en": found.name_en, "active": "1" if found.active else "",
        "campuses": "\n".join(found.campuses), "colleges": write_colleges(found.colleges),
    }  # fmt: skip
    return _editor(values, {}, code)


def _editor(values: dict[str, Any], wrong: dict[str, str], code: str = "", status: int = 200) -> Any:
    return render_template("schools/edit.html", values=values, wrong=wrong, code=code), status


@bp.post("/new")
@bp.post("/<code>/edit")
@roles(Role.ADMIN)
def save(code: str = "") -> Any:
    try:
        found = schools.save(request.form, current_user, code)
    except Invalid as fault:
        return _editor(request.form.to_dict(), sentences(fault), code, 422)
    flash(_("已保存：%(name)s", name=found.name))
    return redirect(url_for("schools.index"), 303)


@bp.get("/campaigns/<code>")
@roles(*READERS)
def campaign(code: str) -> Any:
    found = schools.campaign(current_user, code)
    classes = progress.by_class(found)
    whole = progress.altogether(classes)
    return render_template(
        "schools/campaign.html", campaign=found, classes=classes, colleges=progress.by_college(classes), whole=whole,
        counts=progress.counts(found, whole), reminded=reminders.count(found.id), most=reminders.MOST,
        gap=reminders.GAP.days, batches=batches.delivered(found),
    )  # fmt: skip


@bp.get("/campaigns/<code>/students/<stage>")
@roles(*READERS)
def students(code: str, stage: str) -> Any:
    found = schools.campaign(current_user, code)
    if stage not in progress.STAGES:
        abort(404)
    page = page_number()
    counts = progress.counts(found, progress.figures(found))
    return render_template(
        "schools/students.html", campaign=found, stage=stage, lines=progress.lines(found, stage, page),
        total=counts[stage], page=page, size=progress.PAGE, stages=progress.STAGES, counts=counts,
    )  # fmt: skip


@bp.get("/campaigns/<code>/download/<what>.<any(csv, xlsx):kind>")
@roles(*READERS)
def download(code: str, what: str, kind: str) -> Response:
    """Figures by class, or the students of a stage, as a table. Each download is logged."""
    found = schools.campaign(current_user, code)
    if what == "classes":
        head: Any = CLASS_HEAD
        rows: Any = [(one.college, one.class_name, one.expected, *one.parts) for one in progress.by_class(found)]
    elif what in progress.STAGES:
        head, rows = LINE_HEAD, [_cells(line) for line in progress.every_line(found, what)]
    else:
        abort(404)
    audit.record(current_user, "students.downloaded", f"campaign-{found.id}", what)
    return send_table(f"{code}-{what}", kind, [_(title) for title in head], rows)


def _cells(line: progress.Line) -> tuple[str, ...]:
    return (line.college, line.class_name, line.student_no, line.name, _(STAGE_LABELS[line.stage]), line.number)


@bp.get("/campaigns/<code>/compare")
@roles(*READERS)
def compare(code: str) -> Any:
    return render_template("schools/compare.html", campaign=schools.campaign(current_user, code))


@bp.get("/campaigns/<code>/numbers")
@roles(*READERS)
def numbers(code: str) -> Any:
    """Student numbers with their state, for the page that compares a pasted list in the browser."""
    return {"numbers": progress.numbers(schools.campaign(current_user, code))}


@bp.post("/campaigns/<code>/remind")
@roles(*READERS)
def remind(code: str) -> Any:
    reminders.request(schools.campaign(current_user, code), current_user)
    flash(_("正在提醒：已完成的、刚提醒过的和提醒次数用完的学生不会收到"))
    return redirect(url_for("schools.campaign", code=code), 303)
