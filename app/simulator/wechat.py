"""WeChat's sign-in pages and endpoints, and the message endpoint."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, current_app, jsonify, redirect, render_template, request

from app.simulator.state import State

bp = Blueprint("wechat", __name__)

PEOPLE = ("王小明", "李雨桐", "张伟", "刘洋", "阿依古丽")
"""Invented people one can sign in as; the last part of their openid is their place in this list."""

REFUSALS = {"invalid": 40029, "used": 40163, "expired": 42003, "risk": 40226, "too_often": 45011, "busy": -1}


def _state() -> State:
    state: State = current_app.extensions["state"]
    return state


@bp.get("/connect/oauth2/authorize")
@bp.get("/connect/qrconnect")
def authorize() -> Any:
    return render_template("simulator/authorize.html", people=PEOPLE, refusals=REFUSALS, query=request.args)


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
        person = int(form.get("person", 0))
        _state().codes[code] = {"person": person, "appid": form["appid"], "refuse": form.get("refuse")}
    return redirect(f"{target}?{urlencode({'code': code, 'state': form['state']})}", 303)


@bp.get("/sns/oauth2/access_token")
def access_token() -> Any:
    with _state().lock:
        grant = _state().codes.pop(request.args.get("code", ""), None)
    if grant is None or grant["appid"] != request.args.get("appid"):
        return jsonify(errcode=40029, errmsg="invalid code")
    if grant["refuse"] in REFUSALS:
        return jsonify(errcode=REFUSALS[grant["refuse"]], errmsg=grant["refuse"])
    openid = f"o-{grant['appid'][-4:]}-{grant['person']}"
    token = f"token-{grant['person']}"
    return jsonify(access_token=token, expires_in=7200, refresh_token="r", openid=openid, scope="snsapi_userinfo")


@bp.get("/sns/userinfo")
def userinfo() -> Any:
    person = request.args.get("access_token", "").removeprefix("token-")
    if not person.isdigit() or int(person) >= len(PEOPLE):
        return jsonify(errcode=40001, errmsg="invalid credential")
    return jsonify(
        openid=request.args["openid"], nickname=PEOPLE[int(person)], headimgurl="", privilege=[], unionid=f"u-{person}"
    )


@bp.get("/cgi-bin/token")
def token() -> Any:
    return jsonify(access_token="app-token", expires_in=7200)


@bp.post("/cgi-bin/message/subscribe/bizsend")
def message() -> Any:
    if request.args.get("access_token") != "app-token":
        return jsonify(errcode=40001, errmsg="invalid credential")
    with _state().lock:
        _state().messages.append(request.get_json())
        _state().save()
    return jsonify(errcode=0, errmsg="ok")
