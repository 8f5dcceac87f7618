"""Leaving 待支付: ask, close, then move; money that arrives meanwhile counts, silence changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from app.adapters.wechatpay import Gateway
from app.rules.faults import ActionNotAllowed, Busy, Invalid, StaleOrder
from app.rules.states import Action, OrderState, Role
from app.services.money import payments
from app.services.transitions import SYSTEM, Actor
from app.services.upkeep import expiry
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school
from tests.services.money import LEAVE, opened, order, payment, rows, state, times_paid


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
        assert expiry.expire(order_id)
        return real(self, *values)

    monkeypatch.setattr(Gateway, "prepay", prepay)
    with pytest.raises(ActionNotAllowed):
        payments.start(order_id, "native")
    ((number, kind),) = rows()
    assert (kind, any_shop.state.trades[number]["trade_state"]) == ("closed", "CLOSED")
