"""What is offered next, what waits, and all that the desk shows of one order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import contains_eager, defer, joinedload, selectinload

from app.extensions import db
from app.models import Campaign, CodeImage, Decision, Form, Order, Photo, RosterEntry, School, Staff
from app.services.review import leases
from app.services.review.queue_filters import Filters, waiting

COUNTED = 1000
"""Nobody reads a larger count, and a full one costs with every waiting order."""

CANDIDATES = 5
"""So many are looked up at once: when another reviewer is faster for the first, the next one is at hand."""


def offer_next(staff: Staff, filters: Filters, skip: Sequence[int] = (), tab: str = "") -> int | None:
    """Offer the first free order to this tab, leased; None when nothing is left."""
    staff_id = staff.id
    for _ in range(20):  # others may be faster for the same ones
        query = waiting(staff, filters).with_only_columns(Order.id).where(leases.free(tab, staff_id))
        if skip:
            query = query.where(Order.id.not_in(skip))
        found = db.session.scalars(query.limit(CANDIDATES)).all()
        if not found:
            return None
        for order_id in found:
            if leases.lease(order_id, staff, tab):
                return order_id
    return None


def count(staff: Staff, filters: Filters) -> int:
    """How many wait, counted up to COUNTED."""
    inner = waiting(staff, filters).order_by(None).with_only_columns(Order.id).limit(COUNTED).subquery()
    return db.session.scalar(select(func.count()).select_from(inner)) or 0


def _with_rows(query: Any) -> Any:
    """The rows that a list shows of each order, in the same query, without what it does not show.

    What is sealed or JSON costs more to read than all the rest.
    """
    return query.options(
        defer(Order.typed),
        joinedload(Order.photo).options(defer(Photo.crop), defer(Photo.ruler)),
        joinedload(Order.form).options(defer(Form.id_no), defer(Form.phone)),
        joinedload(Order.school).load_only(School.name),
        joinedload(Order.campaign).load_only(Campaign.name, Campaign.review_days),
    )


def _in_order(ids: Sequence[int]) -> Sequence[Order]:
    """These orders with what a list shows of each, read once it is known which: joined before, a database that sorts
    would read the rows of every order that waits."""
    found = {order.id: order for order in db.session.scalars(_with_rows(select(Order)).where(Order.id.in_(ids)))}
    return [found[one] for one in ids if one in found]


def page(staff: Staff, filters: Filters, limit: int = 50) -> Sequence[Order]:
    """The first waiting orders, leased or not."""
    ids = db.session.scalars(waiting(staff, filters).with_only_columns(Order.id).limit(limit)).all()
    return _in_order(ids)


def whole(order_id: int) -> tuple[Order, RosterEntry | None] | None:
    """An order with all that the desk shows of it, and what the school's roster says of this student."""
    listed = (RosterEntry.campaign_id == Order.campaign_id) & (RosterEntry.student_no == Form.student_no)
    query = (
        select(Order, RosterEntry)
        .outerjoin(Order.form)
        .outerjoin(RosterEntry, listed)
        .where(Order.id == order_id)
        .options(
            contains_eager(Order.form),
            joinedload(Order.school),
            joinedload(Order.campaign),
            joinedload(Order.photo).joinedload(Photo.rule),
            selectinload(Order.photos).selectinload(Photo.checks),
            joinedload(Order.codes),  # one or two rows
            joinedload(Order.exemptions),  # hardly ever any
        )
        .execution_options(populate_existing=True)
    )
    found = db.session.execute(query).unique().first()
    return (found[0], found[1]) if found is not None else None


def green(staff: Staff, filters: Filters, limit: int, tab: str) -> Sequence[Order]:
    """Orders whose photo may be approved in a gallery, leased to this tab.

    Passed photos that nobody has decided about, asked about or drawn as a sample; with a readable code; whose form does
    not contradict the roster. Everything else deserves a look of its own.
    """
    query = (
        waiting(staff, filters)
        .join(Photo, Photo.id == Order.photo_id)
        .join(Form, Form.id == Order.form_id)
        .where(*_GREEN, ~_contradicted(), leases.free(tab, staff.id))
        .with_only_columns(Order.id)
    )
    found = db.session.scalars(query.limit(limit)).all()
    mine = leases.lease_all(found, staff, tab)
    return _in_order([one for one in found if one in mine])


_GREEN = (
    Photo.verdict == "passed",
    Photo.rendition_key.is_not(None),
    Photo.human_review_requested_at.is_(None),
    Photo.sampled_at.is_(None),
    Order.code_unreadable.is_(False),
    or_(
        ~exists().where(CodeImage.order_id == Order.id),
        exists().where(CodeImage.order_id == Order.id, CodeImage.released_at.is_(None)),  # not moved to another order
    ),
    ~exists().where(Decision.order_id == Order.id, Decision.undone_at.is_(None)),
)


def _contradicted() -> Any:
    return exists().where(
        RosterEntry.campaign_id == Order.campaign_id,
        RosterEntry.student_no == Form.student_no,
        RosterEntry.name != Form.name,
    )
