"""Students' sign-in with WeChat."""

from __future__ import annotations

import io
import secrets
from typing import Any

import segno
from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask_login import current_user, login_user, logout_user

from app.adapters import wechat
from app.adapters.wechat import SignInRefused
from app.models import Account
from app.rules.states import Role
from app.security import public, roles
from app.services import accounts

bp = Blueprint("sign_in", __name__)


def inside_wechat() -> bool:
    """Whether this browser is WeChat's."""
    return "MicroMessenger" in request.user_agent.string


def _on_phone() -> bool:
    return any(word in request.user_agent.string for word in ("Mobile", "Android", "iPhone"))


def inside(target: str) -> str:
    """The path to go to, if it is one of ours; else nothing."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else ""


def qr_svg(text: str) -> str:
    """A QR code as an SVG element without inline style."""
    file = io.BytesIO()
    segno.make(text, error="m").save(file, kind="svg", xmldecl=False, svgns=True, scale=5, border=3, svgclass="qr")
    return file.getvalue().decode()


@bp.get("/sign-in")
@public
def index() -> Any:
    if isinstance(current_user._get_current_object(), Account):
        return redirect(url_for("site.home"), 303)
    session["next"] = inside(request.args.get("next", ""))
    if inside_wechat():
        return _to_wechat(inside=True)
    link = current_app.config["PUBLIC_URL"] + (session["next"] or "/")
    return render_template("sign_in/index.html", phone=_on_phone(), link=link, qr=qr_svg(link))


@bp.post("/sign-in")
@public
def go() -> Any:
    return _to_wechat(inside=inside_wechat())


def _to_wechat(*, inside: bool) -> Any:
    session["wechat_state"] = secrets.token_hex(16)
    session["wechat_inside"] = inside
    redirect_uri = current_app.config["PUBLIC_URL"] + url_for("sign_in.callback")
    return redirect(wechat.authorize_url(inside, redirect_uri, session["wechat_state"]), 303)


@bp.get("/sign-in/wechat")
@public
def callback() -> Any:
    expected, came_inside = session.pop("wechat_state", None), session.pop("wechat_inside", False)
    if not expected or not secrets.compare_digest(expected, request.args.get("state", "")):
        raise SignInRefused
    code = request.args.get("code", "")
    if not code:  # the person said no, or closed the page
        return render_template("sign_in/refused.html"), 422
    account = accounts.sign_in(wechat.exchange(code, came_inside))
    target, locale, campaign = session.get("next", ""), session.get("locale"), session.get("campaign")
    session.clear()
    session.update({key: value for key, value in (("locale", locale), ("campaign", campaign)) if value})
    session.permanent = True
    login_user(account)
    return redirect(target or url_for("site.home"), 303)


@bp.post("/sign-out")
@roles(Role.STUDENT)
def sign_out() -> Any:
    logout_user()
    session.clear()
    return redirect(url_for("site.home"), 303)
