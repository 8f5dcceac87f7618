"""Spreads the demo's stories, all played within a minute, over the last days, so that lists and figures look lived in."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Order, Outbox, Photo
from app.rules.states import Action, OrderState
from app.services import queue_place
from app.services.unit import unit_of_work

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def age() -> None:
    """Move every order's history back, its parts in their order; decisions are visible, nothing is left unsent.

    The app only ever appends to the history; the demo, which invents it, is the one that may rewrite its times.
    """
    moment = now()
    with unit_of_work():
        for index, order in enumerate(db.session.scalars(select(Order).order_by(Order.id)).all()):
            _move(order, index, moment)
        for row in db.session.scalars(select(Outbox)):
            row.sent_at, row.channel = now(), "demo"


def _move(order: Order, index: int, moment: datetime) -> None:
    """One order: from its last event back to its first, each step as long as it takes people."""
    at = moment - _since(OrderState(order.state), index)
    since, submitted = at, order.submitted_at
    for event in reversed(order.events):
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


def _since(state: OrderState, index: int) -> timedelta:
    """How long ago the last thing happened; nobody has paid yet whose time to pay still runs."""
    if state is OrderState.PENDING_PAYMENT:
        return index * MINUTE
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
