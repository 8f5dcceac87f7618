"""Asking about payments whose callback was lost: in rounds that slow down, and end when WeChat is down."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.adapters.clock import now
from app.adapters.wechatpay import Gateway
from app.extensions import db
from app.models import Payment
from app.services.money import polling
from app.services.unit import unit_of_work
from tests.conftest import Shop
from tests.factories import make_campaign, make_school
from tests.services.money import later, opened, payment, state


def test_a_lost_callback_is_made_up_by_polling_within_a_minute(any_shop: Shop) -> None:
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    assert polling.poll_due() == 0
    with later(seconds=61):
        assert polling.poll_due() == 1
    assert (state(order_id), payment(number).evidence) == ("pending_review", "query")


def test_polling_slows_down_and_closes_what_ran_out(any_shop: Shop) -> None:
    _, number = opened()
    waits = []
    for _ in range(4):
        due = payment(number).next_query_at
        assert due is not None
        waits.append(round((due - now()).total_seconds() / 60))
        with unit_of_work():
            db.session.query(Payment).one().next_query_at = now()
        polling.poll_due()
    assert waits == [1, 2, 5, 10]
    with later(minutes=121):
        polling.poll_due()
    assert (payment(number).state, any_shop.state.trades[number]["trade_state"]) == ("closed", "CLOSED")


def test_a_wechat_that_is_down_ends_the_round_after_three(shop: Shop) -> None:
    campaign = make_campaign(make_school())
    for _ in range(5):
        opened(campaign)
    shop.state.faults["system_error"] = 99
    with later(minutes=2):
        assert polling.poll_due() == 3
        shop.state.faults["system_error"] = 0
        assert polling.poll_due() == 2  # the three have been put off


def test_one_broken_answer_stops_no_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = make_campaign(make_school())
    (_, bad), (order_id, good) = opened(campaign), opened(campaign)
    shop.scan_and_pay(good)
    real = Gateway.query
    monkeypatch.setattr(Gateway, "query", lambda self, n: {}[n] if n == bad else real(self, n))
    with later(minutes=2):
        assert polling.poll_due() == 2
    assert state(order_id) == "pending_review"


def test_a_sweep_without_merchant_keys_asks_nobody(app: Flask, tmp_path: Path) -> None:
    app.config["WECHATPAY_FOLDER"] = str(tmp_path / "none")
    assert polling.refresh_certificates() == 0
