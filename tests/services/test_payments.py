"""Opening payments: numbers, handles, expiry; an order has one open payment at most."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.adapters.clock import now
from app.adapters.wechatpay import PayError
from app.extensions import db
from app.models import Payment
from app.rules.faults import ActionNotAllowed
from app.rules.states import OrderState
from app.services import submissions
from app.services.money import payments
from app.services.money.payments import PaidMeanwhile
from app.services.unit import unit_of_work
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school
from tests.services.money import later, opened, payment, rows, state


@pytest.mark.parametrize("values", [{"price_fen": 0}, {"payer": "free"}, {"payer": "school"}])
def test_free_and_school_paid_campaigns_skip_payment(app: Flask, values: dict[str, Any]) -> None:
    draft = make_order(make_campaign(make_school(), **values), OrderState.DRAFT)
    sent = submissions.submit(draft.account_id or 0, draft.number, draft.version)
    assert (sent.state, sent.price_fen) == ("pending_review", 0)
    with pytest.raises(ActionNotAllowed):
        payments.start(sent.id, "native")
    assert db.session.query(Payment).count() == 0


def test_before_expiry_the_same_number_and_after_it_a_new_one(any_shop: Shop) -> None:
    order_id, first = opened()
    handle = payment(first).handle
    assert payments.start(order_id, "native").out_trade_no == first
    assert payment(first).handle == handle
    with later(minutes=121):
        second = payments.start(order_id, "native").out_trade_no
        assert second != first
    assert rows() == [(first, "closed"), (second, "open")]
    assert any_shop.state.trades[first]["trade_state"] == "CLOSED"


def test_a_lost_handle_is_fetched_again_with_the_same_number_and_expiry(any_shop: Shop) -> None:
    order_id, number = opened()
    expires = payment(number).expires_at
    with unit_of_work():
        db.session.query(Payment).one().handle = None  # a crash between WeChat's answer and our note of it
    with later(minutes=5):
        again = payments.start(order_id, "native")
        assert (again.out_trade_no, again.expires_at, bool(again.handle)) == (number, expires, True)


def test_a_handle_lives_two_hours_and_never_beyond_its_payment(shop: Shop) -> None:
    _, number = opened()
    row = payment(number)
    assert row.handle_expires_at is not None and row.handle_expires_at <= row.expires_at
    assert 119 * 60 < (row.expires_at - now()).total_seconds() <= 120 * 60


def test_a_payment_ends_with_its_order_but_leaves_time_to_pay(shop: Shop) -> None:
    waiting = make_order(make_campaign(make_school()), OrderState.PENDING_PAYMENT)
    with later(hours=23, minutes=59):
        row = payments.start(waiting.id, "native")
        assert 5 * 60 < (row.expires_at - now()).total_seconds() <= 6 * 60


def test_another_way_to_pay_closes_the_first(any_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.students.accounts.pays_with", lambda _id: "o-student")
    order_id, first = opened()
    second = payments.start(order_id, "jsapi")
    assert second.method == "jsapi"
    assert rows() == [(first, "closed"), (second.out_trade_no, "open")]
    parameters = payments.jsapi_parameters(second)
    assert parameters["package"] == f"prepay_id={second.handle}" and parameters["signType"] == "RSA"


def test_jsapi_without_an_openid_says_what_to_do(shop: Shop) -> None:
    with pytest.raises(ActionNotAllowed, match="重新登录"):
        opened(method="jsapi")


@pytest.mark.parametrize("change", ["closed there", "other title"])
def test_a_number_that_wechat_takes_no_longer_is_replaced(any_shop: Shop, change: str) -> None:
    order_id, first = opened()
    if change == "closed there":  # closed, and a crash before we wrote it down
        any_shop.state.trades[first]["trade_state"] = "CLOSED"
    else:
        any_shop.app.config["SITE_TITLE"] = "新名字"
        with unit_of_work():
            db.session.query(Payment).one().handle = None
    second = payments.start(order_id, "native").out_trade_no
    assert rows() == [(first, "closed"), (second, "open")]


def test_paying_again_what_is_paid_is_noticed(any_shop: Shop) -> None:
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    with pytest.raises(PaidMeanwhile):
        payments.start(order_id, "native")
    assert (state(order_id), payment(number).evidence) == ("pending_review", "query")


def test_only_one_payment_of_an_order_is_ever_open(any_shop: Shop) -> None:
    order_id, number = opened()
    with pytest.raises(Exception, match=r"(?i)unique"), unit_of_work():
        db.session.add(
            Payment(order_id=order_id, out_trade_no="PSECOND", method="native", amount_fen=1, expires_at=now())
        )
    assert rows() == [(number, "open")]


def test_a_refusal_of_wechat_is_a_sentence(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = make_order(make_campaign(make_school(), price_fen=-1), OrderState.PENDING_PAYMENT)
    with pytest.raises(PayError, match="微信支付没有接受") as refusal:
        payments.start(waiting.id, "native")
    assert "PARAM_ERROR" in str(refusal.value.values)
    assert state(waiting.id) == "pending_payment"
