"""What the tests of money share: an order with its payment, a callback, the clock, the ways out of 待支付."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import time_machine

from app.adapters.clock import now
from app.extensions import db
from app.models import Campaign, Event, Order, Payment
from app.rules.states import OrderState, Role
from app.services import submissions
from app.services.money import payments, settlement
from app.services.transitions import Actor
from app.services.upkeep import expiry
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school


def opened(campaign: Campaign | None = None, method: str = "native") -> tuple[int, str]:
    """An order that waits for payment, with an open payment: the order's id and the out_trade_no."""
    made = make_order(campaign or make_campaign(make_school(secrets.token_hex(4))), OrderState.PENDING_PAYMENT)
    return made.id, payments.start(made.id, method).out_trade_no


def paid(shop: Shop, campaign: Campaign | None = None) -> tuple[int, str]:
    """A paid order: its id and the out_trade_no."""
    order_id, number = opened(campaign)
    shop.scan_and_pay(number)
    assert call_back(shop, number) == 204
    return order_id, number


def call_back(shop: Shop, number: str, **changes: Any) -> int:
    """Deliver a genuine callback; the status that WeChat gets."""
    body, headers = shop.callback(number, **changes)
    return settlement.take_callback(headers, body)


def state(order_id: int) -> str:
    """The order's state as it is in the database now."""
    db.session.rollback()
    return str(db.session.get_one(Order, order_id).state)


def payment(number: str) -> Payment:
    """The payment as it is in the database now."""
    db.session.rollback()
    return db.session.query(Payment).filter_by(out_trade_no=number).one()


def times_paid(order_id: int) -> int:
    """How many `pay` events the order has."""
    return db.session.query(Event).filter_by(order_id=order_id, action="pay").count()


@contextmanager
def later(**span: float) -> Iterator[datetime]:
    """The clock of everybody, WeChat's too, set forward."""
    with time_machine.travel(now() + timedelta(**span), tick=True):
        yield now()


def order(order_id: int) -> Order:
    """The order as it is now."""
    db.session.rollback()
    return db.session.get_one(Order, order_id)


def rows() -> list[tuple[str, str]]:
    """Number and state of every payment, in their order."""
    db.session.rollback()
    return [(row.out_trade_no, row.state) for row in db.session.query(Payment).order_by(Payment.id)]


LEAVE: dict[str, Callable[[Order], object]] = {
    "cancel": lambda found: submissions.cancel(found.account_id, found.number, found.version),
    "edit": lambda found: submissions.edit(found.account_id, found.number, found.version),
    "expire": lambda found: expiry.expire(found.id),
    "waive": lambda found: payments.waive(found.id, Actor(Role.ADMIN), "校内资助"),
}
"""The ways that leave 待支付, by their action; each takes an order."""
