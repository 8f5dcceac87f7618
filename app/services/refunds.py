"""Refunds: always in full, with one number for life, driven on until WeChat says how it ended."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.adapters.wechatpay import PayError, gateway
from app.extensions import db
from app.models import Order, Payment, PaymentState, Refund, RefundState
from app.rules.faults import ActionNotAllowed, Busy, Invalid
from app.rules.states import Action, Role
from app.rules.text import N_
from app.services import notices
from app.services.transitions import Actor, perform
from app.services.unit import Unit, unit_of_work

log = logging.getLogger(__name__)

LIMIT = timedelta(days=365)
"""WeChat refunds within one year of the payment."""

WAITS = (30, 60, 300, 900, 3600)
"""Seconds until a refund is driven on again, by attempts; the last one repeats."""

UNSETTLED = (RefundState.REQUESTED.value, RefundState.PROCESSING.value)
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
    """退款 by finance or admin, with a cause; the order moves at once, so that it can no longer be exported."""
    if not cause.strip():
        raise Invalid(N_("请填写退款原因"), {"cause": N_("请填写退款原因")})
    with unit_of_work() as unit:
        order = db.session.get_one(Order, order_id)
        payment = db.session.scalar(
            select(Payment).where(Payment.order_id == order.id, Payment.state == PaymentState.PAID.value)
        )
        if payment is None:
            raise ActionNotAllowed(N_("该订单没有可退的款项"))
        perform(order, Action.REFUND, actor, cause=cause, payment_id=payment.id)
        request(unit, payment, cause, actor.staff_id)
        notices.order_moved(unit, order, "refunded")


def retry(refund_id: int, actor: Actor) -> None:
    """Drive a failed refund on again, with the same number."""
    if actor.role not in (Role.FINANCE, Role.ADMIN):
        raise ActionNotAllowed
    with unit_of_work():
        refund = db.session.get_one(Refund, refund_id)
        if refund.state == RefundState.FAILED:
            refund.state, refund.next_try_at = RefundState.REQUESTED.value, now()
    drive(refund_id)


def drive_due(limit: int = 200) -> int:
    """Drive on every refund whose time has come. Returns how many."""
    due = db.session.scalars(
        select(Refund.id).where(Refund.state.in_(UNSETTLED), Refund.next_try_at <= now()).limit(limit)
    ).all()
    for refund_id in due:
        drive(refund_id)
    return len(due)


def drive(refund_id: int) -> str:
    """Ask WeChat to refund, or how far it is. Returns the state. Harmless twice: the number is the same."""
    refund = db.session.get_one(Refund, refund_id)
    payment, state, number = refund.payment, refund.state, refund.out_refund_no
    if state not in UNSETTLED:
        return state
    if payment.paid_at is not None and payment.paid_at < now() - LIMIT:
        return _keep(refund_id, RefundState.FAILED, "over one year")
    trade, fen, cause = payment.out_trade_no, payment.amount_fen, refund.cause
    try:
        if state == RefundState.REQUESTED:
            answer = gateway().refund(number, trade, fen, cause)
        else:
            answer = gateway().query_refund(number)
    except Busy:
        return _keep(refund_id, RefundState(state), "busy")
    except PayError as error:
        log.warning("refund_refused refund=%s code=%s", refund_id, error.code)
        return _keep(refund_id, RefundState.FAILED, error.code)
    return _keep(refund_id, _STATES.get(str(answer.get("status")), RefundState.PROCESSING), "")


def settle(resource: Mapping[str, Any]) -> str:
    """Take note of a refund callback, in the caller's transaction."""
    number = str(resource.get("out_refund_no", ""))
    refund = db.session.scalar(select(Refund).where(Refund.out_refund_no == number))
    if refund is None:
        return "unknown"
    _apply(refund, _STATES.get(str(resource.get("refund_status")), RefundState.PROCESSING), "")
    return str(refund.state)


def _keep(refund_id: int, state: RefundState, failure: str) -> str:
    with unit_of_work():
        refund = db.session.get_one(Refund, refund_id)
        _apply(refund, state, failure)
        return refund.state


def _apply(refund: Refund, state: RefundState, failure: str) -> None:
    if refund.state == RefundState.SUCCEEDED:
        return
    wait = WAITS[min(refund.attempts, len(WAITS) - 1)]
    refund.attempts += 1
    refund.state, refund.failure = state.value, failure
    if state.value in UNSETTLED:
        refund.next_try_at = now() + timedelta(seconds=wait)
    else:
        refund.next_try_at, refund.settled_at = None, now()
