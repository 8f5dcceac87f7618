"""Staff accounts and the audit log."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from app.extensions import db
from app.models import School, Staff
from app.rules.faults import Invalid
from app.rules.states import STAFF_ROLES, Role
from app.security import roles
from app.services import audit
from app.services import staff as accounts

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.get("/")
@roles(Role.ADMIN)
def index() -> Any:
    return _page()


@bp.post("/staff")
@roles(Role.ADMIN)
def create() -> Any:
    form = request.form
    schools = [code for code in form.get("schools", "").replace("，", ",").replace(" ", ",").split(",") if code]
    try:
        staff, totp_uri = accounts.create(
            form.get("name", ""), form.getlist("roles"), schools, form.get("password", ""), current_user
        )
    except Invalid as fault:
        return _page(fields=fault.fields), 422
    flash(_("已创建 %(name)s", name=staff.name))
    if totp_uri:
        flash(_("请用验证器扫描或录入一次：%(uri)s", uri=totp_uri))
    return redirect(url_for("admin.index"), 303)


@bp.post("/staff/<int:staff_id>/<any(end, deactivate, activate):what>")
@roles(Role.ADMIN)
def change(staff_id: int, what: str) -> Any:
    db.get_or_404(Staff, staff_id)
    switch = {"end": None, "deactivate": True, "activate": False}[what]
    accounts.end_sessions(staff_id, current_user, deactivate=switch)
    flash(_("已保存"))
    return redirect(url_for("admin.index"), 303)


@bp.get("/audit")
@roles(Role.ADMIN)
def audit_log() -> Any:
    rows = audit.latest(before=request.args.get("before", type=int))
    return render_template("admin/audit.html", rows=rows)


def _page(fields: dict[str, str] | None = None) -> str:
    staff = db.session.scalars(select(Staff).order_by(Staff.active.desc(), Staff.name)).all()
    schools = {school.id: school for school in db.session.scalars(select(School))}
    return render_template(
        "admin/index.html", staff=staff, schools=schools, roles=STAFF_ROLES, fields=fields or {}, form=request.form
    )
