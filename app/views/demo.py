"""The demo page: every sign-in one click away. Registered in demo mode only."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, session, url_for
from flask_login import login_user
from sqlalchemy import select

from app.demo.staff import DEMO_STAFF
from app.extensions import db
from app.models import Account, Staff
from app.security import public
from app.views.staff import let_in

bp = Blueprint("demo", __name__, url_prefix="/demo")


@bp.get("/")
@public
def index() -> Any:
    return render_template("demo/index.html", staff=DEMO_STAFF)


@bp.post("/staff/<name>")
@public
def staff(name: str) -> Any:
    if name not in {person[0] for person in DEMO_STAFF}:
        abort(404)
    found = db.session.scalar(select(Staff).where(Staff.name == name, Staff.active))
    if found is None:
        abort(404)
    let_in(found)
    return redirect(url_for("staff.home"), 303)


@bp.post("/student")
@public
def student() -> Any:
    """The demo student with the most orders to look at: the first account."""
    found = db.session.scalar(select(Account).order_by(Account.id).limit(1))
    if found is None:
        abort(404)
    locale = session.get("locale")
    session.clear()
    if locale:
        session["locale"] = locale
    login_user(found)
    return redirect(url_for("site.home"), 303)
