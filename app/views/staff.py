"""Staff sign-in and sign-out, each one's first page, and their own account."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user

from app.models import Staff
from app.rules.faults import Invalid
from app.rules.states import STAFF_ROLES, Role
from app.security import public, roles
from app.services.access import known_browsers, staff_sessions
from app.services.access import second_factor as factor
from app.services.access import staff as accounts
from app.services.access.throttle import TooManyAttempts
from app.views import texts
from app.views.sign_in import inside, qr_svg

bp = Blueprint("staff", __name__, url_prefix="/staff")

KNOWN = "known"
"""The cookie by which a browser is known to belong to somebody (known_browsers). It opens nothing."""

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
    form, name, kept = request.form, request.form.get("name", ""), request.cookies.get(KNOWN, "")
    mark = known_browsers.mark_of(kept, name)
    try:
        found = accounts.authenticate(
            name, form.get("password", ""), form.get("code", ""), request.remote_addr or "", mark
        )
        sentence, status = _("用户名、密码或动态码不正确"), 422
    except TooManyAttempts as fault:
        found, sentence, status = None, texts.told(fault), fault.status
    if found is None:
        flash(sentence, "error")
        return render_template("staff/sign_in.html", next=form.get("next", ""), name=name), status
    let_in(found)
    response = redirect(inside(form.get("next", "")) or url_for("staff.home"), 303)
    response.set_cookie(
        KNOWN,
        known_browsers.with_mark(kept, name),
        max_age=known_browsers.KEPT,
        path=url_for("staff.sign_in"),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Strict",
    )
    return response


def let_in(staff: Staff) -> None:
    """Open a session for this browser; whatever it carried before is dropped, but the language."""
    locale = session.get("locale")
    session.clear()
    if locale:
        session["locale"] = locale
    session.permanent = True
    token = staff_sessions.open_session(staff.id, request.remote_addr or "", request.user_agent.string)
    session["staff_session"] = token
    login_user(staff)


@bp.get("/")
@roles(*STAFF_ROLES)
def home() -> Any:
    target = next(endpoint for role, endpoint in HOMES if role in current_user.roles)
    return redirect(url_for(target), 303)


@bp.post("/sign-out")
@roles(*STAFF_ROLES)
def sign_out() -> Any:
    staff_sessions.end_by_token(current_user.id, session.get("staff_session", ""))
    logout_user()
    session.clear()
    return redirect(url_for("staff.sign_in"), 303)


@bp.get("/account")
@roles(*STAFF_ROLES)
def account() -> Any:
    return _account({})


def _account(wrong: dict[str, str], status: int = 200) -> Any:
    page = render_template(
        "staff/account.html",
        wrong=wrong,
        to_set_up=accounts.to_set_up(current_user),
        sessions=staff_sessions.live(current_user.id),
        current=lambda row: staff_sessions.is_current(row, session.get("staff_session", "")),
        codes_left=factor.codes_left(current_user.id),
    )
    return page, status


def _prove() -> None:
    """The password typed once more. Raises Invalid when it is wrong, TooManyAttempts."""
    token = session.get("staff_session", "")
    accounts.prove(current_user, request.form.get("current", ""), request.remote_addr or "", token)


@bp.post("/account/password")
@roles(*STAFF_ROLES)
def password() -> Any:
    form = request.form
    try:
        _prove()
        accounts.change_password(
            current_user.id, form.get("password", ""), form.get("again", ""), token=session.get("staff_session", "")
        )
    except Invalid as fault:
        return _account(fault.fields, 422)
    flash(_("密码已修改，其他设备上的登录已结束"))
    return redirect(url_for("staff.account"), 303)


@bp.get("/account/second-factor")
@roles(*STAFF_ROLES)
def second_factor() -> Any:
    if current_user.totp_confirmed_at is not None:
        return redirect(url_for("staff.account"), 303)
    return _second_factor("")


def _second_factor(sentence: str, status: int = 200) -> Any:
    uri, secret = factor.offer(current_user.id)
    return render_template("staff/second_factor.html", qr=qr_svg(uri), secret=secret, sentence=sentence), status


@bp.post("/account/second-factor")
@roles(*STAFF_ROLES)
def confirm_second_factor() -> Any:
    try:
        codes = factor.confirm(current_user.id, request.form.get("code", ""))
    except Invalid as fault:
        return _second_factor(texts.told(fault), 422)
    return render_template("staff/recovery_codes.html", codes=codes)


@bp.post("/account/second-factor/<any(off, codes):what>")
@roles(*STAFF_ROLES)
def change_second_factor(what: str) -> Any:
    """Take the second factor off, or make fresh recovery codes; both ask for the password."""
    try:
        _prove()
        if what == "codes":
            return render_template("staff/recovery_codes.html", codes=factor.renew_codes(current_user.id))
        accounts.drop_second_factor(current_user.id)
    except Invalid as fault:
        return _account({f"{what}_current": fault.sentence}, 422)
    flash(_("两步验证已关闭"))
    return redirect(url_for("staff.account"), 303)


@bp.post("/account/sessions/<int:session_id>/end")
@roles(*STAFF_ROLES)
def end_session(session_id: int) -> Any:
    staff_sessions.end(current_user.id, session_id)
    flash(_("已结束该设备上的登录"))
    return redirect(url_for("staff.account"), 303)
