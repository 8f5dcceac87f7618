"""Signing in with WeChat, over real HTTP against the simulator: every answer has its page and its way on."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from app.adapters.storage import storage
from app.extensions import db
from app.models import Account, Identity, Order
from app.rules.states import OrderState
from app.services.students import accounts
from app.services.upkeep import retention
from tests.conftest import Shop
from tests.factories import Cast, make_campaign, make_order, make_school, sign_in

WECHAT = {"User-Agent": "Mozilla/5.0 (iPhone) Mobile MicroMessenger/8.0"}
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile Chrome/126"}

REFUSED = [
    ("cancel", 422, "没有登录"),
    ("invalid", 422, "登录凭证无效"),
    ("used", 422, "登录凭证已使用过"),
    ("expired", 422, "登录凭证已过期"),
    ("risk", 403, "账号存在风险"),
    ("too_often", 429, "登录太频繁"),
    ("busy", 503, "微信暂时没有响应"),
    ("server_error", 503, "微信暂时没有响应"),
]


def _to_wechat(client: FlaskClient, *, inside: bool = False) -> dict[str, str]:
    """What the browser carries to WeChat."""
    answer = client.get("/sign-in", headers=WECHAT) if inside else client.post("/sign-in")
    assert answer.status_code == 303
    address = urlsplit(answer.location)
    assert address.path == ("/connect/oauth2/authorize" if inside else "/connect/qrconnect")
    assert address.fragment == "wechat_redirect"
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def _choose(shop: Shop, asked: dict[str, str], **choice: str) -> str:
    """One click at WeChat; the path that the browser is sent back to."""
    data = {name: asked[name] for name in ("appid", "redirect_uri", "state")} | choice
    answer = requests.post(f"{shop.url}/connect/choose", data=data, allow_redirects=False, timeout=5)
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def _sign_in(shop: Shop, person: int = 0, *, inside: bool = False, **choice: str) -> Account:
    client = shop.app.test_client()
    path = _choose(shop, _to_wechat(client, inside=inside), person=str(person), **choice)
    assert client.get(path).status_code == 303
    with client.session_transaction() as session:
        return db.session.get_one(Account, int(session["_user_id"].split("-")[1]))


@pytest.mark.parametrize(("refuse", "status", "words"), REFUSED)
def test_a_refusal_has_its_page_and_a_way_on(shop: Shop, refuse: str, status: int, words: str) -> None:
    client = shop.app.test_client()
    answer = client.get(_choose(shop, _to_wechat(client), refuse=refuse))
    assert (answer.status_code, words in answer.text) == (status, True)
    assert 'href="/sign-in?again=1' in answer.text
    assert db.session.query(Account).count() == 0


def test_the_state_belongs_to_one_session_and_works_once(shop: Shop) -> None:
    client, thief = shop.app.test_client(), shop.app.test_client()
    path = _choose(shop, _to_wechat(client), person="1")
    _to_wechat(thief)
    assert thief.get(path).status_code == 422
    assert client.get(path).status_code == 303
    assert client.get(path).status_code == 422
    assert client.get("/sign-in/wechat?state=é&code=x").status_code == 422


def test_inside_wechat_there_is_no_page_in_between(shop: Shop) -> None:
    asked = _to_wechat(shop.app.test_client(), inside=True)
    assert (asked["scope"], asked["response_type"]) == ("snsapi_userinfo", "code")
    refused = shop.app.test_client().get("/sign-in?again=1", headers=WECHAT)  # no loop after a refusal
    assert refused.status_code == 200


def test_a_phone_outside_wechat_gets_link_and_qr_code(shop: Shop) -> None:
    page = shop.app.test_client().get("/sign-in?next=/orders", headers=PHONE).text
    assert "请在微信中打开" in page
    assert shop.app.config["PUBLIC_URL"] + "/orders" in page
    assert "<svg" in page


def test_one_account_for_a_unionid_whatever_the_app(shop: Shop) -> None:
    first, second = _sign_in(shop, 2, inside=True), _sign_in(shop, 2)
    assert first.id == second.id
    assert db.session.query(Identity).count() == 2


def test_without_unionid_an_account_for_each_app(shop: Shop) -> None:
    one = _sign_in(shop, 2, inside=True, without_unionid="1")
    assert _sign_in(shop, 2, inside=True, without_unionid="1").id == one.id
    assert _sign_in(shop, 2, without_unionid="1").id != one.id


def test_a_unionid_told_later_merges_the_two_accounts(shop: Shop) -> None:
    """The draft gives way to the order that was submitted; the older account keeps everything."""
    older = _sign_in(shop, 3, inside=True, without_unionid="1")
    newer = _sign_in(shop, 3)
    for account in (older, newer):
        accounts.show_face(account.id, b"\xff\xd8\xff\xe0" + bytes(64))
    face, left = older.avatar_key, newer.avatar_key
    campaign = make_campaign(make_school())
    draft = make_order(campaign, OrderState.DRAFT, account=older)
    submitted = make_order(campaign, OrderState.PENDING_REVIEW, account=newer)
    assert _sign_in(shop, 3, inside=True).id == older.id
    assert _sign_in(shop, 3).id == older.id
    db.session.expire_all()
    assert db.session.get_one(Order, draft.id).state == OrderState.CANCELLED
    assert db.session.get_one(Order, submitted.id).account_id == older.id
    assert (newer.nickname, older.avatar_key) == ("", face)  # nothing of a person stays behind
    assert accounts.holder(f"{newer.id}-0") is None
    retention.purge()
    assert (storage().exists(str(face)), storage().exists(str(left))) == (True, False)


def test_two_submitted_orders_of_one_campaign_are_never_merged_away(shop: Shop) -> None:
    older, newer = _sign_in(shop, 4, inside=True, without_unionid="1"), _sign_in(shop, 4)
    campaign = make_campaign(make_school())
    orders = [make_order(campaign, OrderState.PENDING_REVIEW, account=account) for account in (older, newer)]
    assert _sign_in(shop, 4, inside=True).id == older.id
    db.session.expire_all()
    assert [db.session.get_one(Order, order.id).account_id for order in orders] == [older.id, newer.id]


def test_browsers_may_follow_our_sign_in_form_to_wechat(shop: Shop) -> None:
    """`form-action` holds for a form's redirects too: without WeChat's address there, nobody could sign in."""
    policy = shop.app.test_client().get("/sign-in").headers["Content-Security-Policy"]
    held = next(part for part in policy.split(";") if "form-action" in part)
    assert shop.app.config["WECHAT_OPEN_URL"] in held
    assert shop.app.config["WECHAT_MP_URL"] in held


def test_signing_out_ends_every_device(app: Flask, cast: Cast) -> None:
    phone, lent = (sign_in(app.test_client(), cast.student) for _device in range(2))
    assert lent.get("/orders").status_code == 200
    assert phone.post("/sign-out").status_code == 303
    assert lent.get("/orders").status_code == 303, "a cookie from before opens nothing"
    assert sign_in(app.test_client(), cast.other_student).get("/orders").status_code == 200
