"""Orders whose photo came from the studio: submitted for their students once they are complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select

from app.extensions import db
from app.models import Campaign, Order, Photo, Staff
from app.rules.faults import Fault
from app.rules.states import OrderState
from app.services import submissions
from app.services.schools.onsite.tray import PAGE


@dataclass(frozen=True)
class OnsiteOrder:
    """An order whose current photo came from the studio, not yet submitted; `missing` are sentences' keys."""

    order: Order
    missing: Sequence[str]


def drafts(found: Campaign, page: int = 1) -> tuple[list[OnsiteOrder], int]:
    """One page of the drafts with a studio photo, and how many there are."""
    query = _drafts(found)
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = db.session.scalars(query.order_by(Order.id).limit(PAGE).offset((page - 1) * PAGE))
    return [OnsiteOrder(order, submissions.missing(order)) for order in rows], total


def _drafts(found: Campaign) -> Select[Order]:
    return (
        select(Order)
        .join(Photo, Photo.id == Order.photo_id)
        .where(Order.campaign_id == found.id, Order.state == OrderState.DRAFT.value, Photo.source == "onsite")
    )


def submit_ready(found: Campaign, staff: Staff) -> tuple[int, int]:
    """Submit every draft with a studio photo that is complete. Returns submitted and left."""
    ids = db.session.scalars(_drafts(found).with_only_columns(Order.id)).all()
    done, staff_id = 0, staff.id
    for order_id in ids:
        try:
            submissions.submit_onsite(order_id, staff_id)
            done += 1
        except Fault:
            continue
    return done, len(ids) - done
