"""WeChat's sign-in and message endpoints. Every call has a time-out; every error code becomes a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests
from flask import current_app

from app.rules.faults import Busy, Fault
from app.rules.text import N_

TIMEOUT = (3, 6)


class SignInRefused(Fault):
    """WeChat did not let the person in, or the way in is used up."""

    status = 422
    sentence = N_("微信登录没有完成，请重新登录")


_SENTENCES: Mapping[int, str] = {
    40029: N_("登录凭证已失效，请重新登录"),
    40163: N_("登录凭证已使用过，请重新登录"),
    42003: N_("登录凭证已过期，请重新登录"),
    40226: N_("微信提示账号存在风险，暂时无法登录，请联系学校老师"),
    45011: N_("登录太频繁，请一分钟后再试"),
}
_BUSY = (-1, 45009)


@dataclass(frozen=True)
class Profile:
    """Who signed in, as WeChat says."""

    appid: str
    openid: str
    unionid: str | None
    nickname: str


def authorize_url(inside_wechat: bool, redirect: str, state: str) -> str:
    """Where the browser goes to sign in: web authorisation inside WeChat, a QR code elsewhere."""
    config = current_app.config
    path = "/connect/oauth2/authorize" if inside_wechat else "/connect/qrconnect"
    query = {
        "appid": config["WECHAT_APPID" if inside_wechat else "WECHAT_WEB_APPID"],
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": "snsapi_userinfo" if inside_wechat else "snsapi_login",
        "state": state,
    }
    return f"{config['WECHAT_OPEN_URL']}{path}?{urlencode(query)}#wechat_redirect"


def exchange(code: str, inside_wechat: bool) -> Profile:
    """The profile for a code, which is good once. Raises SignInRefused or Busy."""
    config = current_app.config
    app = "WECHAT" if inside_wechat else "WECHAT_WEB"
    token = _get(
        "/sns/oauth2/access_token",
        appid=config[f"{app}_APPID"],
        secret=config[f"{app}_SECRET"],
        code=code,
        grant_type="authorization_code",
    )
    user = _get("/sns/userinfo", access_token=token["access_token"], openid=token["openid"], lang="zh_CN")
    unionid = user.get("unionid") or token.get("unionid")
    return Profile(config[f"{app}_APPID"], str(token["openid"]), unionid, str(user.get("nickname", ""))[:40])


def send_message(openid: str, template: str, page: str, data: Mapping[str, str]) -> None:
    """One subscription message. Raises Busy, or SignInRefused with WeChat's refusal (43101: not subscribed)."""
    config = current_app.config
    token = _get(
        "/cgi-bin/token",
        grant_type="client_credential",
        appid=config["WECHAT_APPID"],
        secret=config["WECHAT_SECRET"],
    )
    body = {
        "touser": openid,
        "template_id": template,
        "page": page,
        "data": {name: {"value": value[:20]} for name, value in data.items()},
    }
    url = f"{config['WECHAT_API_URL']}/cgi-bin/message/subscribe/bizsend"
    try:
        answer = requests.post(url, params={"access_token": token["access_token"]}, json=body, timeout=TIMEOUT).json()
    except (requests.RequestException, ValueError):
        raise Busy from None
    _checked(answer)


def _get(path: str, **query: str) -> Mapping[str, Any]:
    try:
        response = requests.get(current_app.config["WECHAT_API_URL"] + path, params=query, timeout=TIMEOUT)
        response.encoding = "utf-8"
        answer = response.json()
    except (requests.RequestException, ValueError):
        raise Busy from None
    return _checked(answer)


def _checked(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise Busy
    code = answer.get("errcode", 0)
    if code in _BUSY:
        raise Busy
    if code:
        raise SignInRefused(_SENTENCES.get(code, SignInRefused.sentence))
    return answer
