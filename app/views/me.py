"""The student's own account and data: see, change, take away, withdraw, have deleted."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.models import RequestKind
from app.rules.faults import NotFound
from app.rules.fields import FIELDS
from app.security import student_only
from app.services import submissions
from app.services.students import accounts, consents, deletions, personal, student_requests
from app.views.forms import after_upload, uploaded

bp = Blueprint("me", __name__, url_prefix="/me")


@bp.get("")
@student_only
def index() -> Any:
    return render_template("me/index.html", account=accounts.get(current_user.id))


@bp.get("/profile")
@student_only
def profile() -> Any:
    return render_template("me/profile.html", account=accounts.get(current_user.id))


@bp.post("/nickname")
@student_only
def nickname() -> Any:
    accounts.rename(current_user.id, request.form.get("nickname", ""))
    flash(_("昵称已保存"))
    return redirect(url_for("me.profile"), 303)


@bp.post("/avatar")
@student_only
def change_avatar() -> Any:
    accounts.show_face(current_user.id, uploaded("avatar"))
    return after_upload(url_for("me.profile"))


@bp.get("/avatar")
@student_only
def avatar() -> Response:
    """The student's own picture as they gave it, fenced in: it can be nothing but a picture."""
    found = accounts.face(current_user.id)
    if found is None:
        raise NotFound
    data, mime = found
    response = Response(data, content_type=mime)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, max-age=600"
    return response


@bp.get("/data")
@student_only
def data() -> Any:
    orders = submissions.account_orders(current_user.id)
    asked = student_requests.of_account(current_user.id, RequestKind.DELETION)
    fates = [fate for fate in deletions.fates(current_user.id) if fate.until] if asked else []
    return render_template(
        "me/data.html", orders=orders, fields=FIELDS, requests=asked, staying=fates, stays=deletions.STAYS
    )


@bp.get("/data.zip")
@student_only
def download() -> Response:
    data = personal.archive(current_user.id)
    return send_file(data, mimetype="application/zip", as_attachment=True, download_name="my-data.zip")


@bp.get("/views")
@student_only
def views() -> Any:
    return render_template("me/views.html", views=personal.photo_views(current_user.id))


@bp.get("/consents")
@student_only
def consent_list() -> Any:
    return render_template("me/consents.html", account=accounts.get(current_user.id), texts=consents.TEXTS)


@bp.post("/withdraw")
@student_only
def withdraw_consent() -> Any:
    stay = consents.withdraw(current_user.id)
    flash(_("同意已撤回。"))
    if stay:
        flash(_("以下订单已进入制作或交付，无法撤回：%(numbers)s", numbers="、".join(stay)), "caution")
    return redirect(url_for("me.consent_list"), 303)


@bp.post("/deletion")
@student_only
def ask_deletion() -> Any:
    deletions.ask(current_user.id)
    flash(_("已收到删除申请，工作人员会在 %(n)s 天内答复", n=student_requests.ANSWER_WITHIN.days))
    return redirect(url_for("me.data"), 303)
