"""Home, requirements, privacy with the consents, language, and the student's own account and data."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.extensions import db
from app.locale import LOCALES
from app.models import Account, Campaign
from app.rules.faults import Fault
from app.security import public, student_only
from app.services import accounts, consents, personal, submissions
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
    return render_template("site/_schools.html", campaigns=found, wanted=wanted)


@bp.get("/requirements")
@public
def requirements() -> Any:
    return render_template("site/requirements.html", campaign=chosen_campaign())


@bp.get("/privacy")
@public
def privacy() -> Any:
    student = isinstance(current_user._get_current_object(), Account)
    given = consents.held(current_user.id) if student else {}
    return render_template("site/privacy.html", texts=consents.TEXTS, given=given, student=student)


@bp.post("/privacy")
@student_only
def consent() -> Any:
    consents.give(current_user.id, set(request.form.getlist("consent")))
    return redirect(inside(request.form.get("next", "")) or url_for("site.home"), 303)


@bp.post("/locale")
@public
def locale() -> Any:
    if request.form.get("locale") in LOCALES:
        session["locale"] = request.form["locale"]
    return redirect(inside(request.form.get("next", "")) or url_for("site.home"), 303)


@bp.get("/me")
@student_only
def me() -> Any:
    return render_template(
        "site/me.html",
        account=db.session.get(Account, current_user.id),
        given=consents.held(current_user.id),
        texts=consents.TEXTS,
        views=personal.photo_views(current_user.id),
    )


@bp.post("/me/nickname")
@student_only
def nickname() -> Any:
    accounts.rename(current_user.id, request.form.get("nickname", ""))
    return redirect(url_for("site.me"), 303)


@bp.get("/me/data.zip")
@student_only
def my_data() -> Response:
    data = personal.archive(current_user.id)
    return Response(
        data, content_type="application/zip", headers={"Content-Disposition": "attachment; filename=my-data.zip"}
    )


@bp.post("/me/withdraw")
@student_only
def withdraw_consent() -> Any:
    stay = consents.withdraw(current_user.id)
    flash(_("同意已撤回。"))
    if stay:
        flash(_("以下订单已进入制作或交付，无法撤回：%(numbers)s", numbers="、".join(stay)))
    return redirect(url_for("site.me"), 303)


@bp.post("/me/deletion")
@student_only
def ask_deletion() -> Any:
    accounts.ask_deletion(current_user.id)
    flash(_("已收到删除申请，工作人员会在 15 个工作日内处理"))
    return redirect(url_for("site.me"), 303)
