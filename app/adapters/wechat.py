"""WeChat's sign-in, through Authlib. Every call has a time-out; every refusal has its sentence and its way on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_uri
from authlib.integrations.requests_client import OAuth2Session
from flask import current_app

from app.rules.faults import Busy, Fault
from app.rules.text import N_

TIMEOUT = (3, 6)
"""Seconds to connect and to answer."""


class SignInRefused(Fault):
    """WeChat did not let the person in, or the way in is used up. `advice` is what to do now."""

    status = 422
    sentence = N_("微信登录没有完成，请重新登录")
    advice = N_("登录页面可能停留太久，重新登录一次即可。")

    def __init__(self, sentence: str = "", advice: str = "", status: int = 422) -> None:
        super().__init__(sentence)
        self.advice, self.status = advice or type(self).advice, status


_REFUSALS: Mapping[int, tuple[str, str, int]] = {
    40029: (N_("登录凭证无效"), N_("请从本页重新登录，不要使用收藏或转发的登录链接。"), 422),
    40163: (N_("登录凭证已使用过"), N_("每次登录的凭证只能使用一次，请重新登录。"), 422),
    42003: (N_("登录凭证已过期"), N_("凭证五分钟内有效，请重新登录。"), 422),
    40226: (N_("微信提示账号存在风险，暂时无法登录"), N_("请在微信“安全中心”处理后再试，或联系学校老师。"), 403),
    45011: (N_("登录太频繁"), N_("请等一分钟后再试。"), 429),
}
_BUSY = (-1, 45009, 50002)


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
    query = {  # WeChat documents this order, and calls the client "appid"
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
    api = config["WECHAT_API_URL"]
    with OAuth2Session(
        config[f"{app}_APPID"], config[f"{app}_SECRET"], token_endpoint_auth_method=_appid_and_secret
    ) as client:
        client.register_compliance_hook("access_token_response", _answered)
        try:
            token = client.fetch_token(f"{api}/sns/oauth2/access_token", method="GET", code=code, timeout=TIMEOUT)
            query = {"access_token": token["access_token"], "openid": token["openid"], "lang": "zh_CN"}
            answer = client.get(f"{api}/sns/userinfo", params=query, withhold_token=True, timeout=TIMEOUT)
            user = checked(_answered(answer).json())
        except (requests.RequestException, AuthlibBaseError, ValueError, KeyError):
            raise Busy from None
    unionid = user.get("unionid") or token.get("unionid")
    return Profile(config[f"{app}_APPID"], str(token["openid"]), unionid, str(user.get("nickname", ""))[:40])


def _appid_and_secret(client: Any, _method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """WeChat's own way of client authentication: two parameters in the address."""
    return add_params_to_uri(uri, [("appid", client.client_id), ("secret", client.client_secret)]), headers, body


def _answered(response: requests.Response) -> requests.Response:
    """WeChat answers 200 with an `errcode`, as text/plain in UTF-8; gateways answer 5xx with a page."""
    response.encoding = "utf-8"
    if response.status_code >= 500:
        raise Busy
    checked(response.json())
    return response


def checked(answer: Any) -> Mapping[str, Any]:
    """WeChat's answer, when it is one. Raises Busy or SignInRefused with the sentence for its `errcode`."""
    if not isinstance(answer, dict):
        raise Busy
    code = answer.get("errcode", 0)
    if code in _BUSY:
        raise Busy
    if code:
        raise SignInRefused(*_REFUSALS.get(code, ("", "", 422)))
    return answer
