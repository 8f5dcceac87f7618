"""What an order carries while it waits for review, so that an index sorts the queue: copies, and who writes them.

`Order.queue_verdict` is its photo's verdict as a number, `Order.queue_due` when a decision is due. Whatever changes
what they copy moves the order's version, hence `transitions.touch` writes them; only a campaign that promises other
days moves no order, and calls `promised`. Nobody reads them of an order that does not wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from app.extensions import db
from app.models import Campaign, Event, Order, Photo
from app.rules.states import Action, OrderState

RANKS: Mapping[str, int] = {"failed": 0, "review": 1, "passed": 2}
"""Verdicts as the queue sorts them, the worst first."""

NONE_YET = 3


def columns(order: Order, since: datetime, photo_id: int | None) -> dict[str, Any]:
    """The copies for an order that waits since `since` with this photo."""
    photo = db.session.get(Photo, photo_id) if photo_id is not None else None
    rank = RANKS.get(photo.verdict or "", NONE_YET) if photo is not None else NONE_YET
    return {"queue_verdict": rank, "queue_due": since + timedelta(days=order.campaign.review_days)}


def waited_since(order: Order) -> datetime | None:
    """When the order last began to wait for review, however often it was decided and undone since."""
    came = came_by(order)
    return came.at if came else None


def came_by(order: Order) -> Event | None:
    """The event by which the order last began to wait for review."""
    came = (Event.to_state == OrderState.PENDING_REVIEW.value) & (Event.action != Action.UNDO.value)
    return db.session.scalar(select(Event).where(Event.order_id == order.id, came).order_by(Event.id.desc()).limit(1))


def promised(campaign: Campaign) -> None:
    """The campaign promises other days: every order of it that waits is due at another time. Inside a unit."""
    waits = (Order.campaign_id == campaign.id, Order.state == OrderState.PENDING_REVIEW.value)
    days = timedelta(days=campaign.review_days)
    rows = db.session.execute(select(Order.id, Order.state_since).where(*waits).with_for_update()).all()
    if rows:
        db.session.execute(update(Order), [{"id": row.id, "queue_due": row.state_since + days} for row in rows])
