"""A crash between any two writes of every story of money, one by one: `flask sweep` repairs each."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from app.extensions import db
from app.models import Order, Payment, Refund
from app.rules.states import OrderState, Role
from app.services import submissions
from app.services.money import ledger, payments, refunds
from app.services.transitions import SYSTEM, Actor
from app.services.upkeep import expiry
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school
from tests.services.crashes import Crash, Fuse
from tests.services.money import call_back, later, opened, paid

Story = Callable[[Shop], Callable[[], object]]
"""Prepares its order and returns the act that dies."""


def _start(shop: Shop) -> Callable[[], object]:
    order_id = make_order(make_campaign(make_school(secrets.token_hex(4))), OrderState.PENDING_PAYMENT).id
    return lambda: payments.start(order_id, "native")


def _callback(shop: Shop) -> Callable[[], object]:
    _, number = opened()
    shop.scan_and_pay(number)
    return lambda: call_back(shop, number)


def _late_money(shop: Shop) -> Callable[[], object]:
    order_id, number = opened()
    shop.scan_and_pay(number)
    db.session.get_one(Order, order_id).state = "cancelled"
    db.session.commit()
    return lambda: call_back(shop, number)


def _leave(act: str) -> Story:
    def story(shop: Shop) -> Callable[[], object]:
        order = db.session.get_one(Order, opened()[0])
        known = order.account_id or 0, order.number, order.version
        return lambda: getattr(submissions, act)(*known)

    return story


def _close(shop: Shop) -> Callable[[], object]:
    order_id, _ = paid(shop)
    return lambda: expiry.close(order_id, SYSTEM, "批次结束")


def _refund(shop: Shop) -> Callable[[], object]:
    order_id, _ = paid(shop)

    def act() -> None:
        refunds.by_finance(order_id, Actor(Role.FINANCE), "申请")
        refund_id = db.session.query(Refund).order_by(Refund.id.desc()).first().id  # type: ignore[union-attr]
        refunds.drive(refund_id)
        refunds.drive(refund_id)

    return act


STORIES: dict[str, Story] = {
    "start": _start, "callback": _callback, "late money": _late_money, "cancel": _leave("cancel"),
    "edit": _leave("edit"), "close": _close, "refund": _refund,
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_the_sweep_repairs_a_crash_at_every_point(name: str, any_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    fuse, points = Fuse(monkeypatch), 0
    while _dies(fuse, STORIES[name](any_shop), points):
        points += 1
        _sweep(any_shop)
        _explained(any_shop)
    assert points >= 4, "the story has more points than that"
    fuse.remove()


def _dies(fuse: Fuse, act: Callable[[], object], after: int) -> bool:
    fuse.left = after
    try:
        act()
    except Crash:
        return True
    finally:
        fuse.left = None
        db.session.remove()
    return False


def _sweep(shop: Shop) -> None:
    """The command itself, at once and again when payments have run out and refunds are due."""
    for hours in (0.02, 3, 5, 30):
        with later(hours=hours):
            result = shop.app.test_cli_runner().invoke(args=["sweep"])
            assert result.exit_code == 0 and "Error" not in result.output, result.output
    db.session.remove()


def _explained(shop: Shop) -> None:
    """Nothing hangs, and each order holds exactly what WeChat holds for it."""
    for row in db.session.query(Payment):
        trade = shop.state.trades.get(row.out_trade_no)
        assert row.state != "open"
        assert (row.state == "paid") == bool(trade and trade["transaction_id"])
        for refund in row.refunds:
            assert refund.state == "succeeded" and refund.out_refund_no in shop.state.refunds
    for order in db.session.query(Order):
        carried = order.state not in ("draft", "pending_payment", "cancelled", "refunded")
        assert ledger.is_paid(order.id) == carried, order.state
