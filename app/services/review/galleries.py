"""Approve all green: a gallery is decided as one set, only what was on the screen, and can be taken back as one."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Order, PhotoView, Staff
from app.rules.faults import Fault
from app.services.review import decisions
from app.services.review.decisions import APPROVED, Judgement, Seen
from app.services.unit import unit_of_work

SAMPLE_SHARE = 0.05
"""Part of a gallery that stays in the queue, to be judged one by one."""


@dataclass(frozen=True)
class Done:
    """What became of a gallery: decisions made; photos kept as a sample, not seen on the screen, moved meanwhile."""

    made: Sequence[Decision]
    sampled: int
    unseen: int
    moved: int


def approve(staff: Staff, shown: Sequence[Seen], taken_out: set[int], since: datetime) -> Done:
    """Approve a gallery that was rendered to this person at `since`, except what was taken out.

    A photo counts only when the page said since then that it was on the screen. One that moved meanwhile stops none.
    All become visible at the same moment, so that the whole set can be taken back until then.
    """
    staff_id = staff.id
    with unit_of_work() as unit:
        wanted = [seen for seen in sorted(shown, key=lambda one: one.order_id) if seen.order_id not in taken_out]
        looked = _looked(staff_id, [seen.photo_id for seen in wanted], since)
        unmoved = _unmoved(wanted)
        ready = [seen for seen in wanted if seen.photo_id in looked and seen.order_id in unmoved]
        sample = _sample(ready)
        visible, made = decisions.visible_from(), []
        for seen in ready:
            order = unmoved[seen.order_id]
            if seen in sample and order.photo is not None:
                order.photo.sampled_at = now()
                continue
            made.append(decisions.decide_within(unit, staff, order, seen, Judgement(APPROVED, kind="bulk"), visible))
        unseen = sum(seen.photo_id not in looked for seen in wanted)
        return Done(made, len(sample), unseen, len(wanted) - len(ready) - unseen)


def _looked(staff_id: int, photo_ids: Sequence[int], since: datetime) -> set[int]:
    return set(
        db.session.scalars(
            select(PhotoView.photo_id).where(
                PhotoView.photo_id.in_(photo_ids),
                PhotoView.staff_id == staff_id,
                PhotoView.purpose == "gallery",
                PhotoView.at >= since,
            )
        )
    )


def _unmoved(wanted: Sequence[Seen]) -> dict[int, Order]:
    """The orders that are as they were shown, held until the transaction ends."""
    ids = [seen.order_id for seen in wanted]
    rows = db.session.scalars(select(Order).where(Order.id.in_(ids)).order_by(Order.id).with_for_update())
    orders = {order.id: order for order in rows}
    return {
        seen.order_id: orders[seen.order_id]
        for seen in wanted
        if seen.order_id in orders and _same(orders[seen.order_id], seen)
    }


def _same(order: Order, seen: Seen) -> bool:
    photo = order.photo
    if photo is None or photo.sampled_at is not None or photo.verdict != "passed" or order.state != "pending_review":
        return False
    return (order.version, order.photo_id) == (seen.version, seen.photo_id)


def _sample(ready: Sequence[Seen]) -> set[Seen]:
    size = math.ceil(len(ready) * SAMPLE_SHARE) if len(ready) > 1 else 0
    return set(random.SystemRandom().sample(ready, size))


def undo(staff: Staff, decision_ids: Sequence[int]) -> int:
    """Take a whole gallery back while undo holds, in one transaction. Returns how many were."""
    done = 0
    with unit_of_work():
        for decision_id in sorted(set(decision_ids)):
            try:
                decisions.undo_within(staff, decision_id)
            except Fault:  # refused before anything was written
                continue
            done += 1
    return done
