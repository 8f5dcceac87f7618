"""Callbacks: duplicates, reordering, replay, forgeries, probes and misfits each have one defined end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from sqlalchemy import select
from wechatpayv3 import WeChatPay

from app.extensions import db
from app.models import CallbackLog, Order, Refund
from app.services.money import refunds, settlement
from tests.conftest import Shop
from tests.services.money import call_back, later, opened, paid, payment, state, times_paid


def outcomes() -> list[str]:
    return list(db.session.scalars(select(CallbackLog.outcome).order_by(CallbackLog.id)))


def at_once(shop: Shop, count: int, call: Callable[[], Any]) -> list[Any]:
    """Call in so many threads with sessions of their own, all starting together."""
    gate, results = threading.Barrier(count), []

    def run() -> None:
        with shop.app.app_context():
            gate.wait()
            try:
                results.append(call())
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_callback_pays_the_order_once_however_often_it_comes(any_shop: Shop) -> None:
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    body, headers = any_shop.callback(number)
    assert [settlement.take_callback(headers, body) for _ in range(3)] == [204, 204, 204]
    assert call_back(any_shop, number) == 204  # another callback of the same payment
    assert state(order_id) == "pending_review"
    assert times_paid(order_id) == 1
    assert outcomes() == ["paid", "repeated"]
    assert (payment(number).evidence, db.session.query(Refund).count()) == ("callback", 0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty at once on a machine with other work may wait longer for each other than WeChat does for us."""
    monkeypatch.setattr(settlement, "PATIENCE", 60)


@pytest.mark.usefixtures("patient")
def test_fifty_callbacks_at_once_end_with_one_payment(any_shop: Shop) -> None:
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    assert at_once(any_shop, 50, lambda: call_back(any_shop, number)) == [204] * 50
    assert state(order_id) == "pending_review"
    assert times_paid(order_id) == 1
    assert sorted(outcomes()) == ["paid"] + ["repeated"] * 49
    assert db.session.query(Refund).count() == 0


@pytest.mark.usefixtures("patient")
def test_the_same_callback_fifty_times_at_once_is_taken_once(any_shop: Shop) -> None:
    """WeChat sends the same callback id twice within a second; the twin waits, and is a success too."""
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    body, headers = any_shop.callback(number)
    assert at_once(any_shop, 50, lambda: settlement.take_callback(headers, body)) == [204] * 50
    assert (state(order_id), times_paid(order_id), outcomes()) == ("pending_review", 1, ["paid"])


def test_a_callback_does_not_wait_for_whoever_holds_the_order(any_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """WeChat waits five seconds: it is told in time that the callback was not taken, and its next one is."""
    assert settlement.PATIENCE < 5
    monkeypatch.setattr(settlement, "PATIENCE", 0.1)
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    body, headers = any_shop.callback(number)
    client = any_shop.app.test_client()
    with db.engine.connect().execution_options(begin_immediate=True) as other, other.begin():
        other.execute(select(Order).where(Order.id == order_id).with_for_update())
        refused = client.post("/wechatpay/notify", data=body, headers=headers)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "FAIL")
    assert (state(order_id), outcomes()) == ("pending_payment", [])
    assert client.post("/wechatpay/notify", data=body, headers=headers).status_code == 204
    assert (state(order_id), times_paid(order_id)) == ("pending_review", 1)


MISFITS = [
    ({"amount": {"total": 1, "currency": "CNY"}}, "wrong_amount"),
    ({"amount": None}, "wrong_amount"),
    ({"amount": {"total": 1500, "currency": "USD"}}, "wrong_currency"),
    ({"amount": {"total": 1500}}, "wrong_currency"),
    ({"mchid": "1900000999"}, "wrong_merchant"),
    ({"appid": "wx-somebody-else"}, "wrong_merchant"),
    ({"out_trade_no": "P00000000UNKNOWN"}, "unknown"),
    ({"transaction_id": ""}, "no_transaction"),
    ({"trade_state": "NOTPAY"}, "ignored"),
]


@pytest.mark.parametrize(("changes", "outcome"), MISFITS)
def test_a_genuine_callback_that_does_not_fit_moves_nothing_and_is_kept(
    shop: Shop, changes: dict[str, Any], outcome: str
) -> None:
    order_id, number = opened()
    shop.scan_and_pay(number)
    assert call_back(shop, number, **changes) == 204
    assert state(order_id) == "pending_payment"
    assert outcomes() == [outcome]
    assert call_back(shop, number) == 204  # and the right one still counts
    assert state(order_id) == "pending_review"


def test_one_transaction_pays_one_payment(any_shop: Shop) -> None:
    _, first = paid(any_shop)
    other = opened(payment(first).order.campaign)
    any_shop.scan_and_pay(other[1])
    assert call_back(any_shop, other[1], transaction_id=payment(first).transaction_id) == 204
    assert call_back(any_shop, first, transaction_id="42another") == 204
    assert outcomes()[-2:] == ["other_transaction", "other_transaction"]
    assert state(other[0]) == "pending_payment"


HEADERS = {
    "no signature": {"Wechatpay-Signature": ""},
    "other signature": {"Wechatpay-Signature": "c2lnbmVkIGJ5IHNvbWVib2R5IGVsc2U="},
    "serial": {"Wechatpay-Serial": "PUB_KEY_ID_0"},
    "no serial": {"Wechatpay-Serial": ""},
    "type": {"Wechatpay-Signature-Type": "WECHATPAY2-SM2-WITH-SM3"},
    "no type": {"Wechatpay-Signature-Type": ""},
    "no time": {"Wechatpay-Timestamp": ""},
    "odd digit": {"Wechatpay-Timestamp": "²"},
    "no number": {"Wechatpay-Timestamp": "nan"},
}
BODIES = {"list": b"[1]", "empty": b"{}", "unsealed": b'{"resource": {}}', "not text": b"\xff"}


def forge(trick: str, shop: Shop, number: str) -> tuple[bytes, dict[str, str]]:
    body, headers = shop.callback(number)
    if trick in HEADERS:
        return body, headers | HEADERS[trick]
    if trick in BODIES:  # signed by WeChat, and still not a callback
        return BODIES[trick], shop.signing.headers(BODIES[trick]) if trick != "not text" else headers
    if trick in ("-301", "301"):
        return body, headers | {"Wechatpay-Timestamp": str(int(headers["Wechatpay-Timestamp"]) + int(trick))}
    if trick == "probe":
        return body, shop.signing.headers(body, probe=True)
    return body.replace(*{"body": (b"TRANSACTION", b"TRANSACTIOM"), "encoded again": (b": ", b":")}[trick]), headers


FORGERIES = {
    "signature": ["body", "encoded again", "other signature", "empty", "unsealed"],
    "serial": ["serial", "no serial"],
    "type": ["type", "no type"],
    "stale": ["-301", "301", "no time", "odd digit", "no number"],
    "probe": ["probe"],
    "malformed": ["no signature", "not text", "list"],
}


@pytest.mark.parametrize(("why", "trick"), [(why, trick) for why, tricks in FORGERIES.items() for trick in tricks])
def test_what_is_not_exactly_a_callback_is_refused(
    shop: Shop, why: str, trick: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serial, type and age before the package sees it: it would ask the network, raise, or believe."""
    order_id, number = opened()
    shop.scan_and_pay(number)
    body, headers = forge(trick, shop, number)
    seen, real = [], WeChatPay.callback
    monkeypatch.setattr(WeChatPay, "callback", lambda *values: seen.append(1) or real(*values))
    with caplog.at_level(logging.WARNING):
        assert settlement.take_callback(headers, body) == 401
    assert f"pay_callback_refused why={why}" in caplog.text
    assert bool(seen) == (why in ("signature", "malformed"))
    assert state(order_id) == "pending_payment"
    assert outcomes() == []


def test_a_replay_after_five_minutes_is_refused_and_wechats_own_repeat_is_not(shop: Shop) -> None:
    order_id, number = opened()
    shop.scan_and_pay(number)
    body, headers = shop.callback(number)
    with later(minutes=6):
        assert settlement.take_callback(headers, body) == 401
        assert settlement.take_callback(shop.signing.headers(body), body) == 204  # signed anew, as WeChat does
    assert state(order_id) == "pending_review"


def test_a_sealed_resource_that_was_tampered_with_is_refused(shop: Shop) -> None:
    order_id, number = opened()
    shop.scan_and_pay(number)
    body, _ = shop.callback(number)
    broken = body.replace(b'"nonce": "', b'"nonce": "0')
    assert settlement.take_callback(shop.signing.headers(broken), broken) == 401
    assert state(order_id) == "pending_payment"


def test_taking_a_callback_needs_no_network(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _, number = opened()
    shop.scan_and_pay(number)
    body, headers = shop.callback(number)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(requests.sessions.Session, "request", refuse)
    assert settlement.take_callback(headers, body) == 204
    strange = headers | {"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A7200000000"}
    assert settlement.take_callback(strange, body) == 401  # the package would have asked for certificates


def test_nothing_personal_is_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    _, number = opened()
    shop.scan_and_pay(number)
    with caplog.at_level(logging.DEBUG):
        for changes in ({}, {"mchid": "1"}, {"out_trade_no": "PUNKNOWN"}):
            call_back(shop, number, **changes)
        refunds.settle({"out_refund_no": "RUNKNOWN"})
    told = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("app"))
    assert "outcome=paid" in told and "fault=wrong_merchant" in told and "refund_unknown" in told
    for secret in ("o-scanner", number, "openid", str(payment(number).transaction_id)):
        assert secret not in told


@pytest.mark.parametrize(
    ("body", "status"), [(b"", 401), (b"x" * 70_000, 413), (b"{}", 401)], ids=["empty", "too long", "unsigned"]
)
def test_over_http_a_refusal_is_in_wechats_words(shop: Shop, body: bytes, status: int) -> None:
    answer = shop.app.test_client().post("/wechatpay/notify", data=body)
    assert (answer.status_code, answer.json["code"]) == (status, "FAIL")  # type: ignore[index]


def test_over_http_a_broken_database_asks_wechat_to_come_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, number = opened()
    shop.scan_and_pay(number)
    body, headers = shop.callback(number)
    client = shop.app.test_client()
    with monkeypatch.context() as broken:
        broken.setattr(settlement, "_apply", lambda *_: 1 / 0)
        answer = client.post("/wechatpay/notify", data=body, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (500, "FAIL")  # type: ignore[index]
    assert client.post("/wechatpay/notify", data=body, headers=headers).status_code == 204
    assert state(order_id) == "pending_review"
