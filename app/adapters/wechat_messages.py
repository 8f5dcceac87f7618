"""WeChat's one-time subscription message (一次性订阅消息): one consent at WeChat is one message.

The student is asked on WeChat's own page, by an address, so no script of WeChat's runs on ours. Source:
developers.weixin.qq.com/doc/offiaccount/service/guide/product/message/One-time_subscription_info.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import requests
from flask import current_app

from app.adapters.queue import connection
from app.adapters.wechat import TIMEOUT
from app.rules.faults import Busy, Fault
from app.rules.text import N_

TITLE_LONGEST, TEXT_LONGEST = 15, 200  # characters, by the source above
SCENES = 10_000
_EXPIRED = (40001, 40014, 42001)
_TOKEN_KEY = "wechat:app-token"


class NotTaken(Fault):
    """WeChat did not take the message: no consent, unknown template. `str` tells its error code."""

    sentence = N_("微信没有接收这条通知")


def ready() -> bool:
    """Whether a message template is set."""
    return bool(current_app.config["WECHAT_TEMPLATE_ID"])


def ask_url(scene: int, back: str, reserved: str) -> str:
    """WeChat's page that asks for one message; it comes back with `action=confirm` and our `reserved`."""
    config = current_app.config
    query = {
        "action": "get_confirm",
        "appid": config["WECHAT_APPID"],
        "scene": scene,
        "template_id": config["WECHAT_TEMPLATE_ID"],
        "redirect_url": back,
        "reserved": reserved,
    }
    return f"{config['WECHAT_MP_URL']}/mp/subscribemsg?{urlencode(query)}#wechat_redirect"


def send(openid: str, scene: int, title: str, text: str, address: str) -> None:
    """Send the one message of this consent. Raises Busy to try again later, NotTaken when WeChat refuses it."""
    body = {
        "touser": openid,
        "template_id": current_app.config["WECHAT_TEMPLATE_ID"],
        "url": address,
        "scene": str(scene),
        "title": title[:TITLE_LONGEST],
        "data": {"content": {"value": text[:TEXT_LONGEST]}},
    }
    code = _post("/cgi-bin/message/template/subscribe", body, token=_token()).get("errcode", 0)
    if code in _EXPIRED:
        connection().delete(_TOKEN_KEY)
        code = _post("/cgi-bin/message/template/subscribe", body, token=_token()).get("errcode", 0)
    if code in (-1, 45009):
        raise Busy
    if code:
        raise NotTaken(f"{code}")


def _token() -> str:
    """The app's own token; good for two hours, shared by all processes, and asked for seldom (2,000 a day)."""
    kept: Any = connection().get(_TOKEN_KEY)
    if kept:
        return str(kept.decode())
    config = current_app.config
    body = {
        "grant_type": "client_credential",
        "appid": config["WECHAT_APPID"],
        "secret": config["WECHAT_SECRET"],
    }
    answer = _post("/cgi-bin/stable_token", body)
    if "access_token" not in answer:
        raise Busy
    seconds = max(60, int(answer.get("expires_in", 7200)) - 300)
    connection().set(_TOKEN_KEY, str(answer["access_token"]), ex=seconds)
    return str(answer["access_token"])


def _post(path: str, body: Mapping[str, Any], token: str = "") -> Mapping[str, Any]:
    query = {"access_token": token} if token else {}
    try:
        answer = requests.post(current_app.config["WECHAT_API_URL"] + path, params=query, json=body, timeout=TIMEOUT)
        found = answer.json()
    except (requests.RequestException, ValueError):
        raise Busy from None
    if not isinstance(found, dict):
        raise Busy
    return found
