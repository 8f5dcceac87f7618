"""Money that fits nothing: set aside for finance, or given back by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.adapters.clock import beijing, now
from app.adapters.wechatpay import Gateway
from app.extensions import db
from app.models import BillDifference, Order, Payment, Refund
from app.rules.states import Role
from app.services.money import differences, payments, polling, reconciliation, refunds
from app.services.money.disputes import PaymentDisputed
from app.services.transitions import Actor
from app.services.unit import unit_of_work
from app.services.upkeep import expiry, sweep
from tests.conftest import Shop
from tests.factories import make_staff
from tests.services.money import LEAVE, call_back, later, opened, order, payment, state, times_paid


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("wrong_amount", {"amount": {"total": 1, "currency": "CNY"}}),
        ("wrong_currency", {"amount": {"total": 1500, "currency": "USD"}}),
        ("wrong_merchant", {"appid": "wxother"}),
        ("unknown", {"out_trade_no": "PSOMEBODYELSES"}),
    ],
)
def test_an_answer_that_does_not_fit_is_kept_once_for_finance_and_not_asked_for_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: str, answer: dict[str, Any]
) -> None:
    order_id, number = opened()
    shop.scan_and_pay(number)
    shop.state.trades[number].update(answer)
    asked, real = [], Gateway.query
    monkeypatch.setattr(Gateway, "query", lambda *values: asked.append(1) or real(*values))
    for hours in (1, 2, 3, 30, 60):
        with later(hours=hours):
            polling.poll_due()
            expiry.expire_due()
    assert (len(asked), state(order_id), payment(number).state) == (1, "pending_payment", "disputed")
    row = db.session.query(BillDifference).one()
    assert (row.kind, row.number, row.ours_fen, row.resolved_at) == (fault, number, 1500, None)


def test_a_disputed_payment_stops_every_way_until_finance_has_explained_it(any_shop: Shop) -> None:
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    trade = any_shop.state.trades[number]
    trade["amount"] = {"total": 1, "currency": "CNY"}
    ways = [lambda name=name: LEAVE[name](order(order_id)) for name in ("cancel", "edit", "waive")]
    ways += [lambda: payments.start(order_id, "native"), lambda: payments.ask(order_id)]
    for way in ways:
        with pytest.raises(PaymentDisputed, match="人工核对"):
            way()
    assert not expiry.expire(order_id)
    assert (state(order_id), payment(number).state) == ("pending_payment", "disputed")
    finance = make_staff(Role.FINANCE)
    row_id = db.session.query(BillDifference).one().id
    differences.resolve(finance, row_id, Actor(Role.FINANCE, finance.id), "微信客服确认，已在商户平台退回 0.01 元")
    assert payment(number).state == "closed"
    assert payments.start(order_id, "native").out_trade_no != number


def test_an_answer_that_fits_after_all_is_taken_and_the_difference_closes_itself(any_shop: Shop) -> None:
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    trade = any_shop.state.trades[number]
    kept, trade["amount"] = trade["amount"], {"total": 1, "currency": "CNY"}
    with pytest.raises(PaymentDisputed):
        payments.look(number)
    trade["amount"] = kept
    assert call_back(any_shop, number) == 204
    with later(days=1):
        assert reconciliation.compare(beijing(now()).date() - timedelta(days=1)) == 0
    assert (state(order_id), db.session.query(BillDifference).one().note) == ("pending_review", reconciliation.HEALED)


@pytest.mark.parametrize("where", ["cancelled", "draft"])
def test_money_that_meets_no_waiting_order_goes_back_by_itself(any_shop: Shop, where: str) -> None:
    """The payer was faster than our close, the callback slower than our cancel."""
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    with unit_of_work():
        db.session.get_one(Order, order_id).state = where
    assert call_back(any_shop, number) == 204
    assert state(order_id) == where
    assert payments.ask(order_id) is False  # and the pay page does not say 支付成功
    for minutes in (1, 3):
        with later(minutes=minutes):
            sweep.run()
    db.session.rollback()
    refund = db.session.query(Refund).one()
    assert (refund.state, refund.amount_fen) == ("succeeded", 1500)
    assert sum(one["amount"]["refund"] for one in any_shop.state.refunds.values()) == 1500


def test_a_second_payment_of_a_paid_order_goes_back(any_shop: Shop) -> None:
    """Closed on our side only, paid at WeChat, and the next payment paid as well."""
    order_id, first = opened()
    any_shop.scan_and_pay(first)
    with unit_of_work():
        db.session.query(Payment).one().state = "closed"
    second = payments.start(order_id, "native").out_trade_no
    any_shop.scan_and_pay(second)
    assert (call_back(any_shop, second), call_back(any_shop, first)) == (204, 204)
    db.session.rollback()
    assert (state(order_id), times_paid(order_id)) == ("pending_review", 1)
    assert db.session.query(Refund).one().payment.out_trade_no == first
    refunds.by_finance(order_id, Actor(Role.FINANCE), "学生申请")  # gives back the second, not the first again
    returned = {row.payment.out_trade_no for row in db.session.query(Refund)}
    assert returned == {first, second}


def test_money_that_wechat_has_already_given_back_pays_nothing(shop: Shop) -> None:
    order_id, number = opened()
    shop.scan_and_pay(number)
    shop.state.trades[number]["trade_state"] = "REFUND"  # by hand, on WeChat's merchant platform
    assert payments.ask(order_id) is False
    assert state(order_id) == "pending_payment"
    assert db.session.query(Refund).one().state == "requested"
