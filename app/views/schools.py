"""Schools, campaigns, rosters and progress; a liaison sees their own school only."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.extensions import db
from app.models import Batch, Campaign, School
from app.rules.faults import Invalid, NotFound
from app.rules.states import OrderState, Role
from app.security import roles
from app.services import batches, rosters, schools
from app.views.sign_in import qr_svg

bp = Blueprint("schools", __name__, url_prefix="/schools")

READERS = (Role.SCHOOL, Role.ADMIN)


@bp.get("/")
@roles(*READERS)
def index() -> Any:
    campaigns = schools.campaigns(current_user)
    return render_template("schools/index.html", campaigns=campaigns, schools=schools.visible(current_user))


@bp.get("/campaigns/<code>")
@roles(*READERS)
def campaign(code: str) -> Any:
    found = schools.campaign(current_user, code)
    classes = schools.progress(found)
    link = current_app.config["PUBLIC_URL"] + url_for("site.campaign", code=found.code)
    delivered = (
        db.session.query(Batch)
        .filter(Batch.campaign_id == found.id, Batch.state.in_(batches.DELIVERED))
        .order_by(Batch.id.desc())
        .all()
    )
    return render_template(
        "schools/campaign.html",
        campaign=found,
        classes=classes,
        missing=schools.missing(found),
        unreachable=schools.unreachable(found),
        link=link,
        qr=qr_svg(link),
        batches=delivered,
        states=list(OrderState),
    )


@bp.get("/campaigns/<code>/numbers")
@roles(*READERS)
def numbers(code: str) -> Any:
    """Student numbers that are there, for the page that compares a pasted list in the browser."""
    found = schools.campaign(current_user, code)
    return {"numbers": schools.numbers_there(found)}


@bp.post("/campaigns/<code>/roster")
@roles(*READERS)
def roster(code: str) -> Any:
    found = schools.campaign(current_user, code)
    file = request.files.get("roster")
    dry = request.form.get("dry_run") == "1"
    result = rosters.import_rows(found.id, list(rosters.read_rows(file.read() if file else b"")), dry_run=dry)
    return render_template("schools/roster.html", campaign=found, result=result, dry_run=dry)


@bp.post("/batches/<number>/acknowledge")
@roles(*READERS)
def acknowledge(number: str) -> Any:
    found = batches.by_number(number)
    schools.campaign(current_user, found.campaign.code)
    batches.acknowledge(found.id, request.form.get("text", ""), current_user.id)
    flash(_("已签收"))
    return redirect(url_for("schools.campaign", code=found.campaign.code), 303)


@bp.get("/edit")
@roles(Role.ADMIN)
def edit() -> Any:
    source = db.session.query(Campaign).filter_by(code=request.args.get("copy", "")).one_or_none()
    existing = db.session.query(Campaign).filter_by(code=request.args.get("code", "")).one_or_none()
    return _editor(_values(existing or source, copy=existing is None), {})


def _values(found: Campaign | None, *, copy: bool) -> dict[str, Any]:
    if found is None:
        return {"naming": "{id_no}", "kinds": ["chsi", "diploma"], "print_width_mm": 33, "print_height_mm": 48,
                "price_fen": 0, "review_days": 3, "retention_days": 180}  # fmt: skip
    columns = {column.name: getattr(found, column.name) for column in Campaign.__table__.columns}
    columns["school"] = found.school.code
    return columns | ({"code": "", "opens": "", "closes": ""} if copy else {})


def _editor(values: dict[str, Any], wrong: dict[str, str], status: int = 200) -> Any:
    known = db.session.query(School).order_by(School.code).all()
    return render_template("schools/edit.html", values=values, wrong=wrong, schools=known), status


@bp.post("/edit")
@roles(Role.ADMIN)
def save_campaign() -> Any:
    values, kinds = request.form.to_dict(), request.form.getlist("kinds")
    try:
        found = schools.save_campaign(values, kinds, current_user)
    except Invalid as fault:
        return _editor(values | {"kinds": kinds}, fault.fields, 422)
    return redirect(url_for("schools.campaign", code=found.code), 303)


@bp.post("/school")
@roles(Role.ADMIN)
def save_school() -> Any:
    schools.save_school(request.form, current_user)
    flash(_("已保存"))
    return redirect(url_for("schools.index"), 303)


@bp.post("/campaigns/<code>/end")
@roles(Role.ADMIN)
def end(code: str) -> Any:
    if request.form.get("typed") != code:
        raise NotFound(_("请输入特征码以确认结束"))
    schools.end_campaign(code, current_user)
    flash(_("批次已结束，未完成的订单将关闭并退款"))
    return redirect(url_for("schools.campaign", code=code), 303)
