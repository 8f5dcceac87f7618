"""Spreads the demo's stories, all played within a minute, over the last days, so that lists and figures look lived in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Order, Outbox, Payment, Photo, ReviewDay
from app.rules.states import Action, OrderState
from app.services import queue_place
from app.services.unit import unit_of_work

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def age() -> None:
    """Move every order's history back, its parts in their order; decisions are visible, nothing is left unsent.

    The app only ever appends to the history; the demo, which invents it, is the one that may rewrite its times. What
    the database itself refuses to change, a payment and a refund, stays where it is, and the rest lies around it.
    """
    moment = now()
    with unit_of_work():
        for order in db.session.scalars(select(Order).order_by(Order.id)).all():
            _move(order, moment)
        db.session.execute(delete(ReviewDay))  # counted before
        for row in db.session.scalars(select(Outbox)):
            row.sent_at, row.channel = now(), "demo"


def paid_at(order_id: int, end: OrderState, after: Iterable[Action]) -> datetime:
    """When the order was paid that goes through `after` and then rests in `end` until now. Whole seconds, as WeChat's."""
    ago = sum((_before(action, order_id) for action in after), _since(end, order_id))
    return (now() - ago).replace(microsecond=0)


def _move(order: Order, moment: datetime) -> None:
    """One order: from its last event back to its first, each step as long as it takes people."""
    index, known = order.id, _money(order)
    at = moment - _since(OrderState(order.state), index)
    if Action.PAY in known:
        actions = [Action(event.action) for event in order.events]
        later = actions[actions.index(Action.PAY) + 1 :]
        at = sum((_before(action, index) for action in later), timedelta()) + known[Action.PAY]
    since, submitted = known.get(Action.CLOSE, at), order.submitted_at
    for event in reversed(order.events):
        at = known.get(Action(event.action), at)
        event.at = at
        if event.action in (Action.SUBMIT.value, Action.RESUBMIT.value):
            _photo(event.photo_id, at - 3 * MINUTE)
        if event.action == Action.SUBMIT.value:
            submitted = at
        if event.decision_id is not None:
            decision = db.session.get_one(Decision, event.decision_id)
            decision.at = decision.visible_from = at
        at -= _before(Action(event.action), index)
    for code in order.codes:
        shift = at + 2 * MINUTE - code.uploaded_at
        code.uploaded_at += shift
        code.read_at = code.read_at and code.read_at + shift
    times = {"state_since": since, "submitted_at": submitted, "created_at": at}
    times |= queue_place.columns(order, since, order.photo_id)
    db.session.execute(update(Order).where(Order.id == order.id).values(times))


def _money(order: Order) -> dict[Action, datetime]:
    """When its money moved: the payment, and the refund that closing it asked for."""
    paid = db.session.scalar(select(Payment).where(Payment.order_id == order.id, Payment.paid_at.is_not(None)))
    if paid is None or paid.paid_at is None:
        return {}
    known = {Action.PAY: paid.paid_at}
    return known | ({Action.CLOSE: paid.refunds[0].created_at} if paid.refunds else {})


def _since(state: OrderState, index: int) -> timedelta:
    """How long ago the last thing happened; nobody has paid yet whose time to pay still runs."""
    if state is OrderState.PENDING_PAYMENT:
        return index * MINUTE
    if state is OrderState.REFUNDED:
        return MINUTE
    if state is OrderState.PENDING_REVIEW:
        return (15 + index * 37 % 1260) * MINUTE
    return (20 + index * 311 % 1400) * MINUTE


def _before(action: Action, index: int) -> timedelta:
    """How long the step that ended with `action` took: a payment a minute or two, a reviewer some hours."""
    if action in (Action.APPROVE, Action.REJECT, Action.CLOSE):
        return (50 + index * 71 % 540) * MINUTE
    if action is Action.RESUBMIT:
        return 3 * HOUR
    return (2 + index % 3) * MINUTE if action is Action.PAY else (9 + index % 7) * MINUTE


def _photo(photo_id: int | None, at: datetime) -> None:
    """A photo is taken shortly before it is submitted; how long its check took stays true."""
    if photo_id is None:
        return
    photo = db.session.get_one(Photo, photo_id)
    shift = at - photo.created_at
    photo.created_at += shift
    photo.started_at = photo.started_at and photo.started_at + shift
    photo.checked_at = photo.checked_at and photo.checked_at + shift
