"""Students' sign-in with WeChat."""

from __future__ import annotations

import io
import secrets
from typing import Any

import segno
from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user

from app.adapters import wechat
from app.adapters.wechat import SignInRefused
from app.models import Account
from app.rules.faults import Busy
from app.rules.states import Role
from app.rules.text import N_
from app.security import public, roles
from app.services.students import accounts

bp = Blueprint("sign_in", __name__)

STALE = (N_("登录没有完成"), N_("登录页面已失效：可能打开了两个登录窗口，或停留太久。请重新登录。"))
DECLINED = (N_("没有登录"), N_("您取消了微信授权。只有登录后才能采集照片，我们只使用您的昵称。"))
BUSY = (N_("微信暂时没有响应"), N_("您的资料没有丢失，请稍等片刻再试。"))


LONGEST_TARGET = 300
"""Longer than any path of ours; it goes into the session's cookie and into a QR code."""


def inside_wechat() -> bool:
    """Whether this browser is WeChat's."""
    return "MicroMessenger" in request.user_agent.string


def _on_phone() -> bool:
    return any(word in request.user_agent.string for word in ("Mobile", "Android", "iPhone"))


def inside(target: str) -> str:
    """The path to go to, if it is one of ours; else nothing.

    Browsers pass over tabs and line ends in an address and read a backslash as a slash: neither is in ours.
    """
    plain = len(target) <= LONGEST_TARGET and target.isprintable() and "\\" not in target
    return target if plain and target.startswith("/") and not target.startswith("//") else ""


def qr_svg(text: str) -> str:
    """A QR code as an SVG element without inline style."""
    file = io.BytesIO()
    segno.make(text, error="m").save(
        file, kind="svg", xmldecl=False, svgns=True, border=3, omitsize=True, svgclass="qr"
    )
    return file.getvalue().decode()


@bp.get("/sign-in")
@public
def index() -> Any:
    if isinstance(current_user._get_current_object(), Account):
        return redirect(url_for("site.home"), 303)
    session["next"] = inside(request.args.get("next", ""))
    if inside_wechat() and "again" not in request.args:
        return _to_wechat(inside=True)
    target = session["next"] or (url_for("site.campaign", code=session["campaign"]) if "campaign" in session else "/")
    link = current_app.config["PUBLIC_URL"] + target
    return render_template(
        "sign_in/index.html",
        phone=_on_phone() and not inside_wechat(),
        link=link,
        qr=qr_svg(link),
        here=inside_wechat(),
    )


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
    """Back from WeChat. `state` belongs to this session and works once, whatever comes of it."""
    expected, came_inside = session.pop("wechat_state", None), session.pop("wechat_inside", False)
    if not expected or not secrets.compare_digest(expected.encode(), request.args.get("state", "").encode()):
        return _refused(*STALE)
    code = request.args.get("code", "")
    if not code:  # the person said no, or closed the page
        return _refused(*DECLINED)
    try:
        account = accounts.sign_in(wechat.exchange(code, came_inside))
    except SignInRefused as refusal:
        return _refused(refusal.sentence, refusal.advice, refusal.status)
    except Busy as busy:
        return _refused(*BUSY, busy.status)
    target, locale, campaign = session.get("next", ""), session.get("locale"), session.get("campaign")
    session.clear()
    session.update({key: value for key, value in (("locale", locale), ("campaign", campaign)) if value})
    session.permanent = True
    login_user(account)
    return redirect(target or url_for("site.home"), 303)


def _refused(title: str, advice: str, status: int = 422) -> Any:
    again = url_for("sign_in.index", again=1, next=session.get("next") or None)
    return render_template("sign_in/refused.html", title=_(title), advice=_(advice), again=again), status


@bp.post("/sign-out")
@roles(Role.STUDENT)
def sign_out() -> Any:
    accounts.sign_out(current_user.id)
    logout_user()
    session.clear()
    return redirect(url_for("site.home"), 303)
