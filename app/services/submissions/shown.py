"""What a student may see of their own orders: a decision counts from the moment it becomes visible."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, DecisionReason, Event, Order, Payment, PaymentState, Photo, Refund
from app.models.order import due_day
from app.rules.faults import NotFound
from app.rules.states import LIVE, Action, OrderState
from app.rules.text import N_
from app.services import queue_place


def owned(account_id: int, number: str) -> Order:
    """The student's own order. Raises NotFound for any other."""
    found = db.session.scalar(select(Order).where(Order.number == number, Order.account_id == account_id))
    if found is None:
        raise NotFound(N_("没有找到这个订单"))
    return found


def account_orders(account_id: int) -> Sequence[Order]:
    """All of a student's orders, the newest first."""
    return db.session.scalars(select(Order).where(Order.account_id == account_id).order_by(Order.id.desc())).all()


def live_order(account_id: int, campaign_id: int) -> Order | None:
    """The student's live order of a campaign, if there is one."""
    return db.session.scalar(
        select(Order).where(
            Order.account_id == account_id,
            Order.campaign_id == campaign_id,
            Order.state.in_([state.value for state in LIVE]),
        )
    )


def decision_shown(order: Order) -> Decision | None:
    """The decision that the student may know about."""
    decision = db.session.get(Decision, order.decision_id) if order.decision_id else None
    if decision is None or decision.undone_at is not None or decision.visible_from > now():
        return None
    return decision


def rejected_photo(order: Order) -> Photo | None:
    """The photo that the student knows to be rejected."""
    decision = decision_shown(order)
    rejected = decision is not None and decision.outcome == "rejected"
    return db.session.get(Photo, decision.photo_id) if rejected else None  # type: ignore[union-attr]


def reasons_of(event: Event) -> Sequence[DecisionReason]:
    """The reasons that a rejection in the history gave; none of any other event."""
    rejects = event.decision_id is not None and event.action == Action.REJECT
    decision = db.session.get(Decision, event.decision_id) if rejects else None
    return decision.reasons if decision is not None else []


def owned_photo(account_id: int, number: str, no: int) -> Photo:
    """A version of the photo on the student's own order. Raises NotFound for any other."""
    wanted = select(Photo).where(Photo.order_id == owned(account_id, number).id, Photo.no == no)
    found = db.session.scalar(wanted)
    if found is None:
        raise NotFound
    return found


def under_appeal(order: Order) -> bool:
    """Whether another reviewer is looking at a rejection that the student appealed against."""
    decision = db.session.get(Decision, order.decision_id) if order.decision_id else None
    waiting = OrderState(order.state) is OrderState.PENDING_REVIEW and decision is not None
    return waiting and decision is not None and decision.appealed_at is not None


def changed_since(order: Order, decision: Decision) -> bool:
    """Whether photo, form or collection code are others than the decision was about."""
    if (order.photo_id, order.form_id) != (decision.photo_id, decision.form_id):
        return True
    return code_changed_since(order, decision)


def code_changed_since(order: Order, decision: Decision) -> bool:
    """Whether a collection code was uploaded after the decision."""
    return any(code.uploaded_at > decision.at for code in order.codes)


def state_shown(order: Order) -> OrderState:
    """The state as the student sees it: a decision counts from the moment it becomes visible."""
    state = OrderState(order.state)
    decided = state in (OrderState.REJECTED, OrderState.PENDING_PRODUCTION)
    return OrderState.PENDING_REVIEW if decided and decision_shown(order) is None else state


def events_shown(order: Order) -> Sequence[Event]:
    """The order's history as the student may see it: a decision from the moment it is visible, no undone ones."""
    moment = now()
    hidden = {
        row.id
        for row in db.session.scalars(select(Decision).where(Decision.order_id == order.id))
        if row.undone_at is not None or row.visible_from > moment
    }
    staff_only = (Action.UNDO.value,)
    return [event for event in order.events if event.decision_id not in hidden and event.action not in staff_only]


def payment_of(order: Order) -> Payment | None:
    """The payment that was made for this order."""
    return db.session.scalar(
        select(Payment)
        .where(Payment.order_id == order.id, Payment.state == PaymentState.PAID.value)
        .order_by(Payment.id.desc())
    )


def refund_of(order: Order) -> Refund | None:
    """The newest refund of this order."""
    return db.session.scalar(
        select(Refund).join(Payment).where(Payment.order_id == order.id).order_by(Refund.id.desc()).limit(1)
    )


def review_by(order: Order) -> date | None:
    """预计 … 前完成审核: the Beijing day by which the campaign promises a decision."""
    if OrderState(order.state) is OrderState.PENDING_REVIEW:
        return order.due_day
    if state_shown(order) is not OrderState.PENDING_REVIEW:
        return None
    since = queue_place.waited_since(order)  # decided, which the student does not see yet: the day stays
    return due_day(since, order.campaign.review_days) if since else None
