"""Staff sign-in, sign-out and the way to each one's first page."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user

from app.models import Staff
from app.rules.states import STAFF_ROLES, Role
from app.security import public, roles
from app.services import staff as accounts

bp = Blueprint("staff", __name__, url_prefix="/staff")

HOMES = (
    (Role.REVIEWER, "review.queue"),
    (Role.LEAD, "review.queue"),
    (Role.PRODUCER, "production.index"),
    (Role.SCHOOL, "schools.index"),
    (Role.FINANCE, "finance.index"),
    (Role.ADMIN, "admin.index"),
)


@bp.get("/sign-in")
@public
def sign_in() -> Any:
    if isinstance(current_user._get_current_object(), Staff):
        return redirect(url_for("staff.home"), 303)
    return render_template("staff/sign_in.html", next=request.args.get("next", ""))


@bp.post("/sign-in")
@public
def enter() -> Any:
    form = request.form
    found = accounts.authenticate(form.get("name", ""), form.get("password", ""), form.get("code", ""))
    if found is None:
        flash(_("用户名、密码或动态码不正确"), "error")
        return render_template("staff/sign_in.html", next=form.get("next", ""), name=form.get("name", "")), 422
    locale = session.get("locale")
    session.clear()
    if locale:
        session["locale"] = locale
    session.permanent = True
    login_user(found)
    target = form.get("next", "")
    inside = target.startswith("/") and not target.startswith(("//", "/\\"))
    return redirect(target if inside else url_for("staff.home"), 303)


@bp.get("/")
@roles(*STAFF_ROLES)
def home() -> Any:
    target = next(endpoint for role, endpoint in HOMES if role in current_user.roles)
    return redirect(url_for(target), 303)


@bp.post("/sign-out")
@roles(*STAFF_ROLES)
def sign_out() -> Any:
    logout_user()
    session.clear()
    return redirect(url_for("staff.sign_in"), 303)
