"""Home, requirements, privacy with the consents, language."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_login import current_user

from app.locale import LOCALES
from app.models import Account, Campaign
from app.rules.faults import Fault
from app.security import public, student_only
from app.services import submissions
from app.services.students import accounts, consents
from app.views.sign_in import inside

bp = Blueprint("site", __name__)


def chosen_campaign() -> Campaign | None:
    """The campaign this visitor picked, by link, QR code or 特征码."""
    code = session.get("campaign")
    if not code and isinstance(current_user._get_current_object(), Account):
        return submissions.last_campaign(current_user.id)
    try:
        return submissions.campaign_by_code(code) if code else None
    except Fault:
        return None


@bp.get("/")
@public
def home() -> Any:
    campaign = chosen_campaign()
    student = isinstance(current_user._get_current_object(), Account)
    order = submissions.live_order(current_user.id, campaign.id) if student and campaign else None
    shown = submissions.state_shown(order) if order else None
    opened = campaign is not None and submissions.is_open(campaign)
    return render_template("site/home.html", campaign=campaign, order=order, shown=shown, opened=opened)


@bp.get("/c/<code>")
@public
def campaign(code: str) -> Any:
    session["campaign"] = submissions.campaign_by_code(code).code
    return redirect(url_for("site.home"), 303)


@bp.post("/c")
@public
def choose_campaign() -> Any:
    return redirect(url_for("site.campaign", code=request.form.get("code", "").strip() or "-"), 303)


@bp.get("/schools/find")
@public
def find_school() -> Any:
    wanted = request.args.get("q", "").strip()
    found = submissions.open_campaigns(wanted) if len(wanted) >= 2 else []
    template = "site/_schools.html" if request.headers.get("HX-Request") else "site/schools.html"
    return render_template(template, campaigns=found, wanted=wanted)


@bp.get("/requirements")
@public
def requirements() -> Any:
    return render_template("site/requirements.html")


@bp.get("/privacy")
@public
def privacy() -> Any:
    student = isinstance(current_user._get_current_object(), Account)
    given = consents.held(current_user.id) if student else {}
    facts = {"notice": consents.NOTICE, "texts": consents.TEXTS, "given": given, "student": student}
    return render_template("site/privacy.html", **facts)


@bp.post("/privacy")
@student_only
def consent() -> Any:
    consents.give(current_user.id, set(request.form.getlist("consent")) | set(consents.held(current_user.id)))
    return redirect(inside(request.form.get("next", "")) or url_for("site.home"), 303)


@bp.post("/locale")
@public
def locale() -> Any:
    if request.form.get("locale") in LOCALES:
        session["locale"] = request.form["locale"]
        if isinstance(current_user._get_current_object(), Account):
            accounts.speak(current_user.id, request.form["locale"])
    return redirect(inside(request.form.get("next", "")) or url_for("site.home"), 303)
