"""Payments: opened, asked about, closed, settled. WeChat is never called inside a transaction; all can run twice."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.wechatpay import Notice, PayError, gateway
from app.extensions import db
from app.models import NotifyLog, Order, Payment, PaymentState
from app.rules.faults import ActionNotAllowed, Fault
from app.rules.states import Action, OrderState
from app.rules.text import N_
from app.services import accounts, notices, refunds
from app.services.transitions import SYSTEM, perform
from app.services.unit import Unit, unit_of_work

log = logging.getLogger(__name__)

OPEN_FOR = timedelta(hours=2)
"""How long a payment stays open; also the lifetime of WeChat's prepay_id and code_url."""

POLLS = (60, 120, 300, 600, 1800, 3600)
"""Seconds until WeChat is asked about a payment whose callback may be lost; the last one repeats."""


class PaidMeanwhile(Fault):
    """The payment turned out to be paid while something else was tried."""

    status = 409
    sentence = N_("该订单已支付，请刷新查看")


def is_paid(order_id: int) -> bool:
    """Whether money for this order is with us and not on its way back."""
    return paid(order_id) is not None


def paid(order_id: int) -> Payment | None:
    """The payment that this order lives on."""
    rows = db.session.scalars(
        select(Payment).where(Payment.order_id == order_id, Payment.state == PaymentState.PAID.value)
    )
    return next((row for row in rows if not row.refunds), None)


def start(order_id: int, method: str) -> Payment:
    """A payment to be paid by `method` (jsapi, native): the open one while it lasts, else a new one.

    Raises ActionNotAllowed unless the order waits for payment, PaidMeanwhile when an older payment was paid.
    """
    payment = _open(order_id)
    if payment is not None and (payment.method != method or payment.expires_at <= now() + timedelta(minutes=1)):
        if not close_open(order_id):
            raise PaidMeanwhile
        payment = None
    if payment is None:
        payment = _new(order_id, method)
    if payment.handle is None or (payment.handle_expires_at or now()) <= now():
        _prepay(payment)
    return payment


def _open(order_id: int) -> Payment | None:
    return db.session.scalar(
        select(Payment).where(Payment.order_id == order_id, Payment.state == PaymentState.OPEN.value)
    )


def _new(order_id: int, method: str) -> Payment:
    with unit_of_work():
        order = db.session.get_one(Order, order_id, with_for_update=True)
        if OrderState(order.state) is not OrderState.PENDING_PAYMENT:
            raise ActionNotAllowed
        found = _open(order_id)
        if found is not None:  # another tab was first
            return found
        expires = min(now() + OPEN_FOR, order.state_since + timedelta(hours=current_app.config["UNPAID_HOURS"]))
        payment = Payment(
            order_id=order_id,
            out_trade_no=f"P{now():%Y%m%d}{secrets.token_hex(8).upper()}",
            method=method,
            amount_fen=order.price_fen,
            expires_at=max(expires, now() + timedelta(minutes=6)),
            next_query_at=now() + timedelta(seconds=POLLS[0]),
        )
        db.session.add(payment)
        return payment


def _prepay(payment: Payment) -> None:
    payment_id, order = payment.id, db.session.get_one(Order, payment.order_id)
    openid = accounts.pays_with(order.account_id or 0) if payment.method == "jsapi" else None
    title = current_app.config["SITE_TITLE"]
    handle = gateway().prepay(
        payment.method, payment.out_trade_no, payment.amount_fen, title, payment.expires_at, openid
    )
    with unit_of_work():
        kept = db.session.get_one(Payment, payment_id)
        kept.handle, kept.handle_expires_at = handle, min(kept.expires_at, now() + OPEN_FOR)


def close_open(order_id: int) -> bool:
    """Ask about and close what is open. True: nothing is open, nothing was paid. False: it was paid, and is settled.

    Raises Busy when WeChat does not answer: then nothing has changed.
    """
    while (payment := _open(order_id)) is not None:
        number = payment.out_trade_no
        if _ask(number):
            return False
        try:
            gateway().close(number)
        except PayError as error:
            if error.code == "ORDERPAID":
                _ask(number)
                return False
            if error.code not in ("ORDER_CLOSED", "ORDERCLOSED", "ORDER_NOT_EXIST", "RESOURCE_NOT_EXISTS"):
                raise
        _closed(number)
    return not is_paid(order_id)


def _closed(number: str) -> None:
    with unit_of_work():
        payment = _by_number(number, lock=True)
        if payment is not None and payment.state == PaymentState.OPEN:
            payment.state, payment.next_query_at = PaymentState.CLOSED.value, None


def _ask(number: str) -> bool:
    """Query WeChat and settle what was paid. Returns whether it was."""
    transaction = gateway().query(number)
    if transaction is None or transaction.get("trade_state") not in ("SUCCESS", "REFUND"):
        return False
    return settle(transaction) == "paid"


def ask(order_id: int) -> bool:
    """The student is back from paying: ask WeChat at once. Returns whether the order is paid."""
    payment = _open(order_id)
    return is_paid(order_id) if payment is None else _ask(payment.out_trade_no)


def jsapi_parameters(payment: Payment) -> dict[str, str]:
    """What WeChat's own payment dialog needs, signed."""
    return gateway().jsapi_parameters(payment.handle or "")


def settle(transaction: Mapping[str, Any], unit: Unit | None = None) -> str:
    """Take note that WeChat has the money. Returns paid, or why not: unknown, wrong_amount, wrong_merchant.

    Can be told any number of times. Money that meets an order in another state than pending_payment goes back.
    """
    if unit is None:
        with unit_of_work() as own:
            return settle(transaction, own)
    payment = _by_number(str(transaction.get("out_trade_no", "")), lock=True)
    if payment is None:
        return "unknown"
    fault = _mismatch(transaction, payment)
    if fault:
        log.error("payment_mismatch payment=%s fault=%s", payment.id, fault)
        return fault
    if payment.state == PaymentState.PAID:
        return "paid"
    order = db.session.get_one(Order, payment.order_id, with_for_update=True, populate_existing=True)
    had = is_paid(order.id)
    payment.state, payment.next_query_at = PaymentState.PAID.value, None
    payment.transaction_id, payment.paid_at = str(transaction["transaction_id"]), _paid_at(transaction)
    db.session.flush()
    fits = OrderState(order.state) is OrderState.PENDING_PAYMENT and payment.amount_fen == order.price_fen
    if fits and not had:
        perform(order, Action.PAY, SYSTEM, payment_id=payment.id)
        notices.order_moved(unit, order, "paid")
    else:
        refunds.request(unit, payment, "订单已不能支付，款项退回")
    return "paid"


def _by_number(number: str, *, lock: bool = False) -> Payment | None:
    query = select(Payment).where(Payment.out_trade_no == number)
    return db.session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def _mismatch(transaction: Mapping[str, Any], payment: Payment) -> str:
    config, amount = current_app.config, transaction.get("amount") or {}
    if transaction.get("mchid") != config["WECHATPAY_MCHID"] or transaction.get("appid") != config["WECHAT_APPID"]:
        return "wrong_merchant"
    if amount.get("total") != payment.amount_fen or amount.get("currency", "CNY") != "CNY":
        return "wrong_amount"
    return "" if transaction.get("transaction_id") else "no_transaction"


def _paid_at(transaction: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(str(transaction["success_time"]))
    except (KeyError, ValueError):
        return now()
    return moment if moment.tzinfo else now()


def take_notice(headers: Mapping[str, str], body: bytes) -> int:
    """Take one callback. Returns the HTTP status for WeChat: 204 once it is safely kept, 401 for a forgery."""
    notice = gateway().verify_notice(headers, body)
    if notice is None:
        log.warning("pay_notice_refused")
        return 401
    with unit_of_work() as unit:
        if db.session.scalar(select(NotifyLog.id).where(NotifyLog.notify_id == notice.id)) is not None:
            return 204
        outcome = _apply(notice, unit)
        number = str(notice.resource.get("out_trade_no", ""))
        db.session.add(
            NotifyLog(notify_id=notice.id, event_type=notice.event_type, out_trade_no=number, outcome=outcome)
        )
    return 204


def _apply(notice: Notice, unit: Unit) -> str:
    if notice.event_type.startswith("REFUND."):
        return refunds.settle(notice.resource)
    if notice.event_type == "TRANSACTION.SUCCESS" and notice.resource.get("trade_state") == "SUCCESS":
        return settle(notice.resource, unit)
    return "ignored"


def poll_due(limit: int = 200) -> int:
    """Ask WeChat about open payments whose callback may be lost; close what ran out. Returns how many were asked."""
    due = db.session.scalars(
        select(Payment.id)
        .where(Payment.state == PaymentState.OPEN.value, Payment.next_query_at <= now())
        .order_by(Payment.next_query_at)
        .limit(limit)
    ).all()
    for payment_id in due:
        _poll(payment_id)
    return len(due)


def _poll(payment_id: int) -> None:
    payment = db.session.get_one(Payment, payment_id)
    order_id, number, expired = payment.order_id, payment.out_trade_no, payment.expires_at <= now()
    try:
        if expired:
            close_open(order_id)
        else:
            _ask(number)
    except (Fault, PayError) as error:
        log.warning("payment_poll_failed payment=%s error=%s", payment_id, type(error).__name__)
    with unit_of_work():
        payment = db.session.get_one(Payment, payment_id)
        wait = POLLS[min(payment.queries + 1, len(POLLS) - 1)]
        payment.queries += 1
        if payment.state == PaymentState.OPEN:
            payment.next_query_at = now() + timedelta(seconds=wait)
