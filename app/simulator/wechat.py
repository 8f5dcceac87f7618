"""WeChat's sign-in pages and endpoints, and the message endpoint."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, current_app, jsonify, redirect, render_template, request

from app.simulator.state import State

bp = Blueprint("wechat", __name__)

PEOPLE = {
    0: "王小明",
    1: "李雨桐",
    2: "张伟",
    3: "刘洋",
    4: "陈静怡",
    101: "新同学甲",
    102: "新同学乙",
    103: "新同学丙",
}
"""Invented people one can sign in as, by the last part of their openid."""
FIRST_NEW = 101
"""From this number on the demo's data know nobody: the first visit of a new student."""

REFUSALS = {
    "invalid": (40029, "凭证无效"),
    "used": (40163, "凭证已使用"),
    "expired": (42003, "凭证已过期"),
    "risk": (40226, "账号有风险"),
    "too_often": (45011, "登录太频繁"),
    "busy": (-1, "系统繁忙"),
}
"""What the token endpoint answers on demand, by WeChat's error code."""

NO_ANSWER_SECONDS = 8


def _state() -> State:
    state: State = current_app.extensions["state"]
    return state


@bp.get("/connect/oauth2/authorize")
@bp.get("/connect/qrconnect")
def authorize() -> Any:
    groups = {
        "第一次来": {number: name for number, name in PEOPLE.items() if number >= FIRST_NEW},
        "演示数据里已有订单": {number: name for number, name in PEOPLE.items() if number < FIRST_NEW},
    }
    return render_template("simulator/authorize.html", groups=groups, refusals=REFUSALS, query=request.args)


@bp.post("/connect/choose")
def choose() -> Any:
    """One click on a person, or on a refusal."""
    form = request.form
    target = form["redirect_uri"]
    if urlsplit(target).netloc != urlsplit(current_app.config["SHOP"]).netloc:
        return "redirect_uri 参数错误", 400
    if form.get("refuse") == "cancel":
        return redirect(f"{target}?{urlencode({'state': form['state']})}", 303)
    code = secrets.token_hex(16)
    with _state().lock:
        _state().codes[code] = {
            "person": int(form.get("person", 0)),
            "appid": form["appid"],
            "refuse": form.get("refuse"),
            "unionid": "without_unionid" not in form,
        }
    return redirect(f"{target}?{urlencode({'code': code, 'state': form['state']})}", 303)


@bp.get("/sns/oauth2/access_token")
def access_token() -> Any:
    with _state().lock:
        grant = _state().codes.pop(request.args.get("code", ""), None)
    if grant is None or grant["appid"] != request.args.get("appid") or not request.args.get("secret"):
        return jsonify(errcode=40029, errmsg="invalid code")
    refuse = grant["refuse"]
    if refuse in REFUSALS:
        return jsonify(errcode=REFUSALS[refuse][0], errmsg=refuse)
    if refuse == "server_error":
        return "bad gateway", 502
    if refuse == "no_answer":
        time.sleep(NO_ANSWER_SECONDS)
    openid = f"o-{grant['appid'][-4:]}-{grant['person']}"
    token = f"token-{grant['person']}-{int(grant['unionid'])}"
    return jsonify(access_token=token, expires_in=7200, refresh_token="r", openid=openid, scope="snsapi_userinfo")


@bp.get("/sns/userinfo")
def userinfo() -> Any:
    _, person, with_unionid = [*request.args.get("access_token", "").split("-"), "", ""][:3]
    if not person.isdigit() or int(person) not in PEOPLE:
        return jsonify(errcode=40001, errmsg="invalid credential")
    told = {"unionid": f"u-{person}"} if with_unionid == "1" else {}
    return jsonify(openid=request.args["openid"], nickname=PEOPLE[int(person)], headimgurl="", privilege=[], **told)


@bp.get("/mp/subscribemsg")
def subscribe() -> Any:
    """WeChat's page that asks for one message."""
    return render_template("simulator/subscribe.html", query=request.args)


@bp.post("/mp/subscribemsg")
def subscribed() -> Any:
    """One click on 允许 or 取消."""
    form = request.form
    target = form["redirect_url"]
    if urlsplit(target).netloc != urlsplit(current_app.config["SHOP"]).netloc:
        return "redirect_url 参数错误", 400
    if form["action"] == "confirm":
        with _state().lock:
            _state().scenes.append(form["scene"])
            _state().save()
    names = ("template_id", "action", "scene", "reserved")
    return redirect(f"{target}?{urlencode({name: form[name] for name in names})}", 303)


@bp.post("/cgi-bin/stable_token")
def token() -> Any:
    return jsonify(access_token="app-token", expires_in=7200)


@bp.post("/cgi-bin/message/template/subscribe")
def message() -> Any:
    if request.args.get("access_token") != "app-token":
        return jsonify(errcode=40001, errmsg="invalid credential")
    sent = request.get_json()
    with _state().lock:
        if sent["scene"] not in _state().scenes:
            return jsonify(errcode=43101, errmsg="user refuse to accept the msg")
        _state().scenes.remove(sent["scene"])
        _state().messages.append(sent)
        _state().save()
    return jsonify(errcode=0, errmsg="ok")
