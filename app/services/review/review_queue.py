"""What is offered next, how many wait, and all that the desk shows of one order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import contains_eager, defer, joinedload, load_only, selectinload

from app.extensions import db
from app.models import Campaign, Exemption, Form, Order, Photo, RosterEntry, Rule, School, Staff
from app.services.review import leases
from app.services.review.queue_filters import Filters, asks, waiting
from app.services.statements import written_once

COUNTED = 1000
"""Nobody reads a larger count, and a full one costs with every waiting order."""

CANDIDATES = 5
"""So many are looked up at once: when another reviewer is faster for the first, the next one is at hand."""


@written_once
def next_free(filters: Filters, *, bound: bool) -> Any:
    """The first orders that the tab that asks may be offered, without those that it `skipped`."""
    skipped = Order.id.in_(bindparam("skipped", expanding=True))
    query = waiting(filters, bound=bound).with_only_columns(Order.id).where(leases.free(), ~skipped)
    return query.limit(CANDIDATES)


def offer_next(staff: Staff, filters: Filters, skip: Sequence[int] = (), tab: str = "") -> int | None:
    """Offer the first free order to this tab, leased; None when nothing is left."""
    query = next_free(filters, bound=bool(staff.school_ids))
    for _ in range(20):  # others may be faster for the same ones
        found = db.session.scalars(query, asks(staff) | leases.asks(staff, tab) | {"skipped": list(skip)}).all()
        if not found:
            return None
        for order_id in found:
            if leases.lease(order_id, staff, tab):
                return order_id
    return None


@written_once
def _counting(filters: Filters, *, bound: bool) -> Any:
    inner = waiting(filters, bound=bound).order_by(None).with_only_columns(Order.id).limit(COUNTED).subquery()
    return select(func.count()).select_from(inner)


def count(staff: Staff, filters: Filters) -> int:
    """How many wait, counted up to COUNTED."""
    return db.session.scalar(_counting(filters, bound=bool(staff.school_ids)), asks(staff)) or 0


_ON_ROSTER = (RosterEntry.campaign_id == Order.campaign_id) & (RosterEntry.student_no == Form.student_no)
_OF_PHOTO = load_only(
    Photo.id, Photo.no, Photo.source, Photo.width, Photo.height, Photo.background_policy, Photo.check_state,
    Photo.verdict, Photo.crop, Photo.ruler, Photo.rendition_key, Photo.human_review_requested_at, Photo.sampled_at,
)  # fmt: skip
_WHOLE = (
    select(Order, RosterEntry)
    .outerjoin(Order.form)
    .outerjoin(RosterEntry, _ON_ROSTER)
    .where(Order.id == bindparam("order_id"))
    .options(
        defer(Order.typed),
        contains_eager(Order.form),
        joinedload(Order.school).load_only(School.name),
        joinedload(Order.campaign).load_only(Campaign.name, Campaign.review_days),
        joinedload(Order.photo).options(_OF_PHOTO, joinedload(Photo.rule).load_only(Rule.body)),
        selectinload(Order.photos).options(_OF_PHOTO, selectinload(Photo.checks)),
        joinedload(Order.codes),  # one or two rows
        joinedload(Order.exemptions).load_only(Exemption.code),  # hardly ever any
    )
    .execution_options(populate_existing=True)
)
"""What the desk does not show is not read: what is sealed or JSON costs more than all the rest."""


def whole(order_id: int) -> tuple[Order, RosterEntry | None] | None:
    """An order with all that the desk shows of it, and what the school's roster says of this student."""
    found = db.session.execute(_WHOLE, {"order_id": order_id}).unique().first()
    return (found[0], found[1]) if found is not None else None
