"""Payments: numbers, handles, expiry, and leaving them; paid at most once, whatever is lost or late."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.adapters.clock import beijing, now
from app.adapters.wechatpay import Gateway, PayError
from app.extensions import db
from app.models import BillDifference, Order, Payment, Refund
from app.rules.faults import ActionNotAllowed, Busy, Invalid, StaleOrder
from app.rules.states import Action, OrderState, Role
from app.services import submissions
from app.services.money import differences, payments, polling, reconciliation, refunds
from app.services.money.disputes import PaymentDisputed
from app.services.money.payments import PaidMeanwhile
from app.services.transitions import SYSTEM, Actor
from app.services.unit import unit_of_work
from app.services.upkeep import expiry, sweep
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school, make_staff
from tests.services.money import call_back, later, opened, payment, state, times_paid


def order(order_id: int) -> Order:
    db.session.rollback()
    return db.session.get_one(Order, order_id)


def rows() -> list[tuple[str, str]]:
    db.session.rollback()
    return [(row.out_trade_no, row.state) for row in db.session.query(Payment).order_by(Payment.id)]


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


LEAVE = {
    "cancel": lambda found: submissions.cancel(found.account_id, found.number, found.version),
    "edit": lambda found: submissions.edit(found.account_id, found.number, found.version),
    "expire": lambda found: bool(expiry.expire(found.id)),
    "waive": lambda found: payments.waive(found.id, Actor(Role.ADMIN), "校内资助"),
}


@pytest.mark.parametrize("way", LEAVE)
def test_leaving_the_payment_asks_first_and_notices_money(any_shop: Shop, way: str) -> None:
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    assert LEAVE[way](order(order_id)) is False
    assert (state(order_id), times_paid(order_id)) == ("pending_review", 1)


@pytest.mark.parametrize("way", LEAVE)
def test_leaving_the_payment_closes_it_before_the_order_moves(any_shop: Shop, way: str) -> None:
    order_id, number = opened()
    assert LEAVE[way](order(order_id)) is True
    wanted = {"edit": "draft", "waive": "pending_review"}.get(way, "cancelled")
    assert (state(order_id), payment(number).state) == (wanted, "closed")
    assert any_shop.state.trades[number]["trade_state"] == "CLOSED"


@pytest.mark.parametrize("way", LEAVE)
def test_orderpaid_on_close_means_paid(any_shop: Shop, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The payer was faster than our close: the query still said unpaid."""
    order_id, number = opened()
    real, asked = Gateway.query, []

    def query(self: Gateway, which: str) -> Any:
        answer = real(self, which)
        if not asked:
            any_shop.scan_and_pay(number)
        asked.append(which)
        return answer

    monkeypatch.setattr(Gateway, "query", query)
    assert LEAVE[way](order(order_id)) is False
    assert (state(order_id), len(asked)) == ("pending_review", 2)


@pytest.mark.parametrize("way", ["cancel", "edit", "waive"])
@pytest.mark.parametrize("fault", ["system_error", "server_error", "timeout"])
def test_a_silent_wechat_changes_nothing(shop: Shop, way: str, fault: str) -> None:
    shop.state.silence_seconds = 0.0
    order_id, _ = opened()
    shop.state.faults[fault] = 1
    with pytest.raises(Busy):
        LEAVE[way](order(order_id))
    assert state(order_id) == "pending_payment"
    assert LEAVE[way](order(order_id))


def test_a_silence_is_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, _ = opened()
    monkeypatch.setattr(shop.app.extensions["wechatpay"]._client._core, "_timeout", (1, 0.2))
    shop.state.silence_seconds = 1.0
    shop.state.faults["unanswered"] = 1  # done there, unheard here
    assert payments.ask(order_id) is False
    assert payments.ask(order_id) is False
    assert state(order_id) == "pending_payment"


def test_waiving_needs_a_cause_and_an_admin(shop: Shop) -> None:
    order_id, _ = opened()
    with pytest.raises(Invalid):
        payments.waive(order_id, Actor(Role.ADMIN), "  ")
    with pytest.raises(Exception, match="权限"):
        payments.waive(order_id, Actor(Role.FINANCE), "校内资助")


def test_a_payment_opened_in_another_tab_stops_the_cancel(any_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, number = opened()
    real = payments.close_open

    def close_then_other_tab(which: int) -> bool:
        closed = real(which)
        payments.start(which, "native")
        return closed

    monkeypatch.setattr(payments, "close_open", close_then_other_tab)
    with pytest.raises(StaleOrder):
        payments.leave(order_id, Action.EXPIRE, SYSTEM)
    assert state(order_id) == "pending_payment"
    assert [kind for _, kind in rows()] == ["closed", "open"]
    assert payment(number).state == "closed"


def test_an_order_left_while_wechat_opens_its_payment_cannot_be_paid(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = make_order(make_campaign(make_school()), OrderState.PENDING_PAYMENT)
    order_id, real = waiting.id, Gateway.prepay

    def prepay(self: Gateway, *values: Any) -> str:
        assert expiry.expire(order_id) == 1
        return real(self, *values)

    monkeypatch.setattr(Gateway, "prepay", prepay)
    with pytest.raises(ActionNotAllowed):
        payments.start(order_id, "native")
    ((number, kind),) = rows()
    assert (kind, any_shop.state.trades[number]["trade_state"]) == ("closed", "CLOSED")


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
    assert expiry.expire(order_id) == 0
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


def test_a_refusal_of_wechat_is_a_sentence(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = make_order(make_campaign(make_school(), price_fen=-1), OrderState.PENDING_PAYMENT)
    with pytest.raises(PayError, match="微信支付没有接受") as refusal:
        payments.start(waiting.id, "native")
    assert "PARAM_ERROR" in str(refusal.value.values)
    assert state(waiting.id) == "pending_payment"


def test_a_sweep_without_merchant_keys_asks_nobody(app: Flask, tmp_path: Path) -> None:
    app.config["WECHATPAY_FOLDER"] = str(tmp_path / "none")
    assert polling.refresh_certificates() == 0
