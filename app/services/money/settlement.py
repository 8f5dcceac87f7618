"""The one place where money is believed: a genuine callback, or WeChat's answer to a query, meets its payment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.clock import now
from app.adapters.wechatpay import gateway
from app.adapters.wechatpay_callbacks import Callback, CallbackRefused
from app.extensions import db
from app.models import CallbackLog, Order, Payment, PaymentState
from app.rules.states import Action, OrderState
from app.services import notices
from app.services.money import refunds
from app.services.money.ledger import is_paid
from app.services.transitions import SYSTEM, perform
from app.services.unit import Unit, unit_of_work

log = logging.getLogger(__name__)

SETTLED = frozenset({"paid", "returned", "repeated"})
"""Outcomes after which the payment is in our books; `returned`: the order could not take the money, it goes back."""

PATIENCE = 2
"""Seconds that a callback waits for other writers: WeChat takes no answer after five, and a dead Redis costs two."""


def settle(transaction: Mapping[str, Any], evidence: str, unit: Unit | None = None) -> str:
    """Take note that WeChat has the money; `evidence` is callback or query. Returns one of SETTLED, or the fault found.

    Can be told any number of times. Money that meets an order in another state than pending_payment goes back. Rows
    are locked in one order everywhere: order, payment, refund.
    """
    if unit is None:
        with unit_of_work() as own:
            return settle(transaction, evidence, own)
    number = str(transaction.get("out_trade_no", ""))
    order_id = db.session.scalar(select(Payment.order_id).where(Payment.out_trade_no == number))
    if order_id is None:
        log.error("payment_unknown")
        return "unknown"
    order = db.session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
    payment = by_number(number, lock=True)
    assert payment is not None  # payments are never deleted
    fault = _mismatch(transaction, payment)
    if fault:
        log.error("payment_mismatch payment=%s fault=%s", payment.id, fault)
        return fault
    if payment.state == PaymentState.PAID:
        return "repeated"
    return _book(transaction, evidence, payment, order, unit)


def _book(transaction: Mapping[str, Any], evidence: str, payment: Payment, order: Order, unit: Unit) -> str:
    had = is_paid(order.id)
    payment.state, payment.next_query_at = PaymentState.PAID.value, None
    payment.transaction_id, payment.paid_at = str(transaction["transaction_id"]), _paid_at(transaction)
    payment.evidence = evidence
    db.session.flush()
    waits = OrderState(order.state) is OrderState.PENDING_PAYMENT and payment.amount_fen == order.price_fen
    if waits and not had and transaction.get("trade_state") == "SUCCESS":
        perform(order, Action.PAY, SYSTEM, payment_id=payment.id)
        notices.order_moved(unit, order, "paid")
        return "paid"
    refunds.request(unit, payment, "订单已不能支付，款项退回")
    return "returned"


def by_number(number: str, *, lock: bool = False) -> Payment | None:
    """The payment of an out_trade_no; locked and read afresh inside a unit."""
    query = select(Payment).where(Payment.out_trade_no == number)
    return db.session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)


def _mismatch(transaction: Mapping[str, Any], payment: Payment) -> str:
    config, amount = current_app.config, transaction.get("amount")
    if transaction.get("mchid") != config["WECHATPAY_MCHID"] or transaction.get("appid") != config["WECHAT_APPID"]:
        return "wrong_merchant"
    if not isinstance(amount, Mapping) or amount.get("total") != payment.amount_fen:
        return "wrong_amount"
    if amount.get("currency") != "CNY":
        return "wrong_currency"
    transaction_id = transaction.get("transaction_id")
    if not transaction_id:
        return "no_transaction"
    owner = db.session.scalar(select(Payment.id).where(Payment.transaction_id == str(transaction_id)))
    known = payment.transaction_id or str(transaction_id)
    return "other_transaction" if owner not in (None, payment.id) or known != str(transaction_id) else ""


def _paid_at(transaction: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(str(transaction["success_time"]))
    except (KeyError, ValueError):
        return now()
    return moment if moment.tzinfo else now()


def take_callback(headers: Mapping[str, str], body: bytes) -> int:
    """Take one callback; nothing here needs the network. Returns the status for WeChat: 204 once it is kept, 401 else.

    A callback that is genuine but does not fit is kept too: WeChat repeating it could not help, finance sees it.
    """
    try:
        callback = gateway().verify_callback(headers, body)
    except CallbackRefused as refused:
        log.warning("pay_callback_refused why=%s", refused.why)
        return 401
    with unit_of_work(PATIENCE) as unit:
        row_id = _first_time(callback)
        if row_id is not None:
            outcome = _apply(callback, unit)
            db.session.execute(update(CallbackLog).where(CallbackLog.id == row_id).values(outcome=outcome))
            log.info("pay_callback_taken callback=%s outcome=%s", row_id, outcome)
    return 204


def _first_time(callback: Callback) -> int | None:
    """Claim the callback's id; its row's id. None when it was taken before; a twin in flight is waited for."""
    resource, amount = callback.resource, callback.resource.get("amount")
    fen = amount.get("refund", amount.get("total")) if isinstance(amount, Mapping) else None
    values = {
        "notify_id": callback.id,
        "event_type": callback.event_type,
        "out_trade_no": str(resource.get("out_trade_no", ""))[:64],
        "transaction_id": str(resource.get("transaction_id") or "")[:64] or None,
        "amount_fen": fen if isinstance(fen, int) and abs(fen) < 2**31 else None,
        "outcome": "",
        "at": now(),
    }
    dialect = postgresql if db.session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(CallbackLog).values(**values).on_conflict_do_nothing(index_elements=["notify_id"])
    return db.session.scalar(statement.returning(CallbackLog.id))


def _apply(callback: Callback, unit: Unit) -> str:
    if callback.event_type.startswith("REFUND."):
        return refunds.settle(callback.resource)
    if callback.event_type == "TRANSACTION.SUCCESS" and callback.resource.get("trade_state") == "SUCCESS":
        return settle(callback.resource, "callback", unit)
    return "ignored"
