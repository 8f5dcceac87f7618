"""Orders that the clock ends: unpaid ones, and what is unfinished when a campaign is over."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app
from sqlalchemy import or_, select

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import BatchItem, Campaign, Order, Payment, PaymentState
from app.rules.faults import Fault
from app.rules.states import Action, OrderState
from app.services import notices
from app.services.money import ledger, payments, refunds
from app.services.rounds import patiently
from app.services.transitions import SYSTEM, Actor, perform
from app.services.unit import Unit, unit_of_work

CLOSABLE = (OrderState.PENDING_REVIEW, OrderState.REJECTED, OrderState.REVISING, OrderState.PENDING_PRODUCTION)


def expire_due(limit: int = 500) -> int:
    """Cancel orders unpaid for 24 h, and drafts and unpaid orders of campaigns that are over. Returns how many.

    Not those with a payment that finance has to look at first.
    """
    stale = now() - timedelta(hours=current_app.config["UNPAID_HOURS"])
    over = or_(Campaign.closes < beijing(now()).date(), Campaign.closed_at.is_not(None))
    disputed = select(Payment.id).where(Payment.order_id == Order.id, Payment.state == PaymentState.DISPUTED.value)
    unpaid = (Order.state == OrderState.PENDING_PAYMENT.value) & or_(Order.state_since < stale, over)
    draft = (Order.state == OrderState.DRAFT.value) & over
    query = (
        select(Order.id)
        .join(Campaign, Campaign.id == Order.campaign_id)
        .where(or_(unpaid, draft), ~disputed.exists())
        .order_by(Order.state_since)
        .limit(limit)
    )
    done: list[bool] = []
    patiently(db.session.scalars(query).all(), lambda order_id: done.append(_expire(order_id)))
    return sum(done)


def expire(order_id: int) -> bool:
    """Cancel one unpaid order, as far as WeChat answers. Whether it is cancelled."""
    try:
        return _expire(order_id)
    except Fault:
        return False


def _expire(order_id: int) -> bool:
    """The open payment is closed first; one that turns out paid moves the order on instead."""
    return payments.leave(order_id, Action.EXPIRE, SYSTEM)


def end(order_id: int, cause: str) -> bool:
    """End an order that its student gave up: cancel or close it. False where it stays, or waits for WeChat."""
    state = OrderState(db.session.get_one(Order, order_id).state)
    if state in (OrderState.DRAFT, OrderState.PENDING_PAYMENT):
        return expire(order_id)
    return state in CLOSABLE and close(order_id, SYSTEM, cause)


def close_due(limit: int = 500) -> int:
    """Close what was unfinished when its campaign was ended (`closed_at`). Returns how many orders.

    What came back later, by a recall or a discarded batch, stays until the campaign is ended again.
    """
    query = (
        select(Order.id)
        .join(Campaign, Campaign.id == Order.campaign_id)
        .where(
            Campaign.closed_at.is_not(None),
            Order.state_since <= Campaign.closed_at,
            Order.state.in_([state.value for state in CLOSABLE]),
        )
        .limit(limit)
    )
    return sum(close(order_id, SYSTEM, "采集批次已结束") for order_id in db.session.scalars(query).all())


def close(order_id: int, actor: Actor, cause: str) -> bool:
    """Close one order: refunded when paid, else cancelled; not while it is in a batch. Whether it moved."""
    try:
        with unit_of_work() as unit:
            order = db.session.get_one(Order, order_id)
            if _in_batch(order):
                return False
            _close(unit, order, actor, cause)
    except Fault:
        return False
    return True


def _close(unit: Unit, order: Order, actor: Actor, cause: str) -> None:
    paid = ledger.paid(order.id)
    target = OrderState.REFUNDED if paid else OrderState.CANCELLED
    perform(order, Action.CLOSE, actor, to=target, cause=cause, payment_id=paid.id if paid else None)
    if paid is not None:
        refunds.request(unit, paid, cause, actor.staff_id)
    notices.order_moved(unit, order, "refunded" if paid is not None else "closed")


def _in_batch(order: Order) -> bool:
    held = select(BatchItem.id).where(
        BatchItem.order_id == order.id, BatchItem.superseded_at.is_(None), BatchItem.released_at.is_(None)
    )
    return db.session.scalar(held.limit(1)) is not None
