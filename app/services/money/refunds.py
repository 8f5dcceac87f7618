"""Refunds: always in full, with one number for life, driven on until WeChat says how it ended."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.adapters.wechatpay import PayError, gateway
from app.extensions import db
from app.models import Order, Payment, Refund, RefundState
from app.rules.faults import ActionNotAllowed, Busy, Invalid
from app.rules.states import Action, Role
from app.rules.text import N_
from app.services import notices
from app.services.money import ledger
from app.services.rounds import patiently
from app.services.transitions import Actor, perform
from app.services.unit import Unit, unit_of_work

log = logging.getLogger(__name__)

LIMIT = timedelta(days=365)
"""WeChat refunds within one year of the payment."""

TOO_OLD = "OVER_ONE_YEAR"
"""Our own failure code beside WeChat's."""

WAITS = (30, 60, 300, 900, 3600)
"""Seconds until a refund is driven on again, by attempts; the last one repeats."""

UNSETTLED = (RefundState.REQUESTED.value, RefundState.PROCESSING.value)
PASSING = frozenset({"NOT_ENOUGH", "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED"})
"""Refusals that pass by themselves or once finance has topped the account up: asked again with the same number."""

_STATES = {"SUCCESS": RefundState.SUCCEEDED, "CLOSED": RefundState.FAILED, "ABNORMAL": RefundState.FAILED}


def request(unit: Unit, payment: Payment, cause: str, staff_id: int | None = None) -> Refund:
    """Give a payment back, in the caller's transaction. A payment has one refund: asked twice it is the same."""
    found = db.session.scalar(select(Refund).where(Refund.payment_id == payment.id))
    if found is not None:
        return found
    made = Refund(
        payment_id=payment.id,
        out_refund_no=f"R{now():%Y%m%d}{secrets.token_hex(8).upper()}",
        amount_fen=payment.amount_fen,
        cause=cause,
        staff_id=staff_id,
        next_try_at=now(),
    )
    db.session.add(made)
    db.session.flush()
    refund_id = made.id
    unit.after_commit(lambda: enqueue("notice", "money.drive_refund", refund_id, job_id=f"refund-{refund_id}"))
    return made


def by_finance(order_id: int, actor: Actor, cause: str) -> None:
    """退款 by finance or admin, with a cause; the order moves at once, so that it can no longer be exported.

    Raises Invalid without a cause, ActionNotAllowed without money to return or after WeChat's year.
    """
    cause = cause.strip()[:200]
    if not cause:
        raise Invalid(N_("请填写退款原因"), {"cause": N_("请填写退款原因")})
    with unit_of_work() as unit:
        order = db.session.get_one(Order, order_id)
        payment = ledger.paid(order.id)
        if payment is None:
            raise ActionNotAllowed(N_("该订单没有可退的款项"))
        if _too_old(payment):
            raise ActionNotAllowed(N_("支付已超过一年，微信支付不再受理退款，请改用其他方式退回"))
        perform(order, Action.REFUND, actor, cause=cause, payment_id=payment.id)
        request(unit, payment, cause, actor.staff_id)
        notices.order_moved(unit, order, "refunded")


def _too_old(payment: Payment) -> bool:
    return payment.paid_at is not None and payment.paid_at < now() - LIMIT


def retry(refund_id: int, actor: Actor) -> None:
    """Drive a failed or waiting refund on at once, with the same number."""
    if actor.role not in (Role.FINANCE, Role.ADMIN):
        raise ActionNotAllowed
    with unit_of_work():
        refund = _locked(refund_id)
        if refund.state == RefundState.FAILED:
            refund.state, refund.next_try_at, refund.settled_at = RefundState.REQUESTED.value, now(), None
    drive(refund_id)


def drive_due(limit: int = 200) -> int:
    """Drive on every refund whose time has come. Returns how many."""
    due = db.session.scalars(
        select(Refund.id)
        .where(Refund.state.in_(UNSETTLED), Refund.next_try_at <= now())
        .order_by(Refund.next_try_at)
        .limit(limit)
    ).all()
    return patiently(due, _drive)


def drive(refund_id: int) -> str:
    """Ask WeChat to refund, or how far it is. Returns the state. Harmless twice: the number is the same."""
    try:
        return _drive(refund_id)
    except Busy:
        db.session.rollback()
        return str(db.session.get_one(Refund, refund_id).state)


def _drive(refund_id: int) -> str:
    refund = db.session.get_one(Refund, refund_id)
    payment, state, number = refund.payment, refund.state, refund.out_refund_no
    if state not in UNSETTLED:
        return state
    if state == RefundState.REQUESTED and _too_old(payment):
        return _keep(refund_id, RefundState.FAILED, TOO_OLD)
    trade, fen, cause = payment.out_trade_no, payment.amount_fen, refund.cause
    try:
        if state == RefundState.REQUESTED:
            answer = gateway().refund(number, trade, fen, cause)
        else:
            answer = gateway().query_refund(number)
    except Busy:
        _keep(refund_id, RefundState(state), "BUSY")
        raise
    except PayError as error:
        log.warning("refund_refused refund=%s code=%s", refund_id, error.code)
        return _keep(refund_id, _after_refusal(state, error.code), error.code)
    status = str(answer.get("status"))
    found = _STATES.get(status, RefundState.PROCESSING)
    return _keep(refund_id, found, status if found is RefundState.FAILED else "")


def _after_refusal(state: str, code: str) -> RefundState:
    unheard_of = state == RefundState.PROCESSING and code == "RESOURCE_NOT_EXISTS"
    return RefundState.REQUESTED if code in PASSING or unheard_of else RefundState.FAILED


def settle(resource: Mapping[str, Any]) -> str:
    """Take note of a refund callback, in the caller's transaction. Returns the state, or the fault found."""
    number = str(resource.get("out_refund_no", ""))
    refund_id = db.session.scalar(select(Refund.id).where(Refund.out_refund_no == number))
    if refund_id is None:
        log.error("refund_unknown")
        return "unknown"
    refund = _locked(refund_id)
    fault = _mismatch(resource, refund)
    if fault:
        log.error("refund_mismatch refund=%s fault=%s", refund_id, fault)
        return fault
    status = str(resource.get("refund_status"))
    found = _STATES.get(status, RefundState.PROCESSING)
    _apply(refund, found, status if found is RefundState.FAILED else "")
    return f"refund_{refund.state}"


def _mismatch(resource: Mapping[str, Any], refund: Refund) -> str:
    amount, payment = resource.get("amount"), refund.payment
    if resource.get("mchid") != current_app.config["WECHATPAY_MCHID"]:
        return "wrong_merchant"
    trade = resource.get("out_trade_no"), resource.get("transaction_id")
    if trade != (payment.out_trade_no, payment.transaction_id):
        return "other_transaction"
    stated = (amount.get("refund"), amount.get("total")) if isinstance(amount, Mapping) else None
    return "" if stated == (refund.amount_fen, payment.amount_fen) else "wrong_amount"


def _locked(refund_id: int) -> Refund:
    return db.session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)


def _keep(refund_id: int, state: RefundState, failure: str) -> str:
    with unit_of_work():
        refund = _locked(refund_id)
        _apply(refund, state, failure)
        return refund.state


def _apply(refund: Refund, state: RefundState, failure: str) -> None:
    """Succeeded is final; a late or repeated word changes nothing then."""
    if refund.state == RefundState.SUCCEEDED:
        return
    wait = WAITS[min(refund.attempts, len(WAITS) - 1)]
    refund.attempts += 1
    refund.state, refund.failure = state.value, failure
    if state.value in UNSETTLED:
        refund.next_try_at, refund.settled_at = now() + timedelta(seconds=wait), None
    else:
        refund.next_try_at, refund.settled_at = None, now()
