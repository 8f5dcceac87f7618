"""Payments: opened, asked about, closed. WeChat is never called inside a transaction; everything can run twice."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.wechatpay import PayError, gateway
from app.extensions import db
from app.models import Order, Payment, PaymentState
from app.rules.faults import ActionNotAllowed, Busy, Fault, Invalid, StaleOrder
from app.rules.states import Action, OrderState
from app.rules.text import N_
from app.services.money import disputes
from app.services.money.disputes import PaymentDisputed
from app.services.money.ledger import is_paid as is_paid
from app.services.money.settlement import SETTLED, by_number, settle
from app.services.students import accounts
from app.services.transitions import Actor, perform
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)

OPEN_FOR = timedelta(hours=2)
"""How long a payment stays open; also the lifetime of WeChat's prepay_id and code_url."""

POLLS = (60, 120, 300, 600, 1800, 3600)
"""Seconds until WeChat is asked about a payment whose callback may be lost; the last one repeats."""

_DEAD = frozenset({"CLOSED", "REVOKED", "PAYERROR"})
_GONE = frozenset({"ORDER_CLOSED", "ORDERCLOSED", "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
_USED_UP = frozenset({"ORDER_CLOSED", "ORDERCLOSED", "OUT_TRADE_NO_USED", "INVALID_REQUEST"})


class PaidMeanwhile(Fault):
    """The payment turned out to be paid while something else was tried."""

    status = 409
    sentence = N_("该订单已支付，请刷新查看")


def start(order_id: int, method: str) -> Payment:
    """A payment to be paid by `method` (jsapi, native): the open one while it lasts, else a new one.

    Raises ActionNotAllowed unless the order waits for payment, PaidMeanwhile when an older payment was paid, Busy.
    """
    for _ in range(2):  # a number that WeChat takes no longer is closed, and the next round opens another
        payment = _reusable(order_id, method) or _new(order_id, method)
        if payment.handle is not None and (payment.handle_expires_at or now()) > now():
            return payment
        ready = _prepay(payment)
        if ready is not None:
            return ready
    raise Busy


def open_payment(order_id: int) -> Payment | None:
    """The payment of this order that can still be paid, if there is one. Raises PaymentDisputed while finance looks."""
    unsettled = (PaymentState.OPEN.value, PaymentState.DISPUTED.value)
    found = db.session.scalar(select(Payment).where(Payment.order_id == order_id, Payment.state.in_(unsettled)))
    if found is not None and found.state == PaymentState.DISPUTED:
        raise PaymentDisputed
    return found


def _reusable(order_id: int, method: str) -> Payment | None:
    payment = open_payment(order_id)
    if payment is None:
        return None
    if payment.method == method and payment.expires_at > now() + timedelta(minutes=1):
        look(payment.out_trade_no)
    else:
        close_open(order_id)
    if is_paid(order_id):
        raise PaidMeanwhile
    return open_payment(order_id)


def _new(order_id: int, method: str) -> Payment:
    with unit_of_work():
        order = db.session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
        if OrderState(order.state) is not OrderState.PENDING_PAYMENT:
            raise ActionNotAllowed
        found = open_payment(order_id)
        if found is not None:  # another tab was first
            return found
        payment = Payment(
            order_id=order_id,
            out_trade_no=f"P{now():%Y%m%d}{secrets.token_hex(8).upper()}",
            method=method,
            amount_fen=order.price_fen,
            expires_at=_expiry(order),
            next_query_at=now() + timedelta(seconds=POLLS[0]),
        )
        db.session.add(payment)
        return payment


def _expiry(order: Order) -> datetime:
    """Two hours, not beyond the order's own end, but long enough to pay. Whole seconds: it is sent more than once."""
    end = order.state_since + timedelta(hours=current_app.config["UNPAID_HOURS"])
    return max(min(now() + OPEN_FOR, end), now() + timedelta(minutes=6)).replace(microsecond=0)


def _prepay(payment: Payment) -> Payment | None:
    """Get a handle from WeChat for the same number and expiry. None when WeChat takes this number no longer."""
    order_id, number, account_id = payment.order_id, payment.out_trade_no, payment.order.account_id
    openid = accounts.pays_with(account_id or 0) if payment.method == "jsapi" else None
    if payment.method == "jsapi" and openid is None:
        raise ActionNotAllowed(N_("请退出后在微信中重新登录，再支付"))
    title = current_app.config["SITE_TITLE"]
    try:
        handle = gateway().prepay(payment.method, number, payment.amount_fen, title, payment.expires_at, openid)
    except PayError as error:
        if error.code != "ORDERPAID" and error.code not in _USED_UP:
            raise
        close_open(order_id)
        if is_paid(order_id) or error.code == "ORDERPAID":
            raise PaidMeanwhile from None
        return None
    return _keep_handle(number, handle)


def _keep_handle(number: str, handle: str) -> Payment:
    with unit_of_work():
        payment = by_number(number, lock=True)
        if payment is not None and payment.state == PaymentState.OPEN:
            payment.handle, payment.handle_expires_at = handle, min(payment.expires_at, now() + OPEN_FOR)
            return payment
    gateway().close(number)  # it was left while WeChat opened it
    raise ActionNotAllowed


def close_open(order_id: int) -> bool:
    """Ask about and close what is open. True: nothing is open, nothing was paid. False: it was paid.

    Raises Busy when WeChat does not answer: then nothing has changed.
    """
    while (payment := open_payment(order_id)) is not None:
        number = payment.out_trade_no
        if look(number):
            continue
        try:
            gateway().close(number)
        except PayError as error:
            if error.code == "ORDERPAID":
                if not look(number):
                    _hurry(number)
                return False
            if error.code not in _GONE:
                raise
        _closed(number)
    return not is_paid(order_id)


def look(number: str) -> bool:
    """Query WeChat, settle what was paid, close what is dead. Returns whether the payment is open no longer.

    Raises Busy, PayError, and PaymentDisputed when WeChat's answer does not fit: that payment is not asked about again.
    """
    transaction = gateway().query(number) or {}
    state = transaction.get("trade_state")
    if state in ("SUCCESS", "REFUND"):
        about = transaction.get("out_trade_no")
        outcome = settle(transaction, "query") if about == number else "unknown"
        if outcome not in SETTLED:
            disputes.set_aside(number, outcome, transaction)
            raise PaymentDisputed
        return True
    if state in _DEAD:
        _closed(number)
    return state in _DEAD


def _closed(number: str) -> None:
    with unit_of_work():
        payment = by_number(number, lock=True)
        if payment is not None and payment.state == PaymentState.OPEN:
            payment.state, payment.next_query_at = PaymentState.CLOSED.value, None


def _hurry(number: str) -> None:
    with unit_of_work():
        payment = by_number(number, lock=True)
        if payment is not None and payment.state == PaymentState.OPEN:
            payment.next_query_at = now()


def leave(order_id: int, action: Action, actor: Actor, cause: str = "") -> bool:
    """Move an unpaid order on: ask, close, then move. False when it turned out to be paid, and `pay` moved it instead.

    Raises StaleOrder when another tab opened a payment in between, Busy when WeChat does not answer.
    """
    if not close_open(order_id):
        return False
    with unit_of_work():
        perform(db.session.get_one(Order, order_id), action, actor, cause=cause)
        if open_payment(order_id) is not None:
            raise StaleOrder
    return True


def waive(order_id: int, actor: Actor, cause: str) -> bool:
    """免除费用 by an admin, with a cause. False when it was paid meanwhile."""
    if not cause.strip():
        raise Invalid(N_("请填写免除原因"), {"cause": N_("请填写免除原因")})
    return leave(order_id, Action.WAIVE, actor, cause.strip()[:200])


def ask(order_id: int) -> bool:
    """The student is back from paying: ask WeChat at once. Returns whether the order is paid.

    A silent WeChat is no news: the callback, the page's next look or `flask sweep` tells.
    """
    payment = open_payment(order_id)
    if payment is not None:
        try:
            look(payment.out_trade_no)
        except (Busy, PayError) as error:
            log.warning("payment_ask_failed order=%s error=%s", order_id, type(error).__name__)
    return is_paid(order_id)


def jsapi_parameters(payment: Payment) -> dict[str, str]:
    """What WeChat's own payment dialog needs, signed."""
    return gateway().jsapi_parameters(payment.handle or "")
