"""What waits for review, in which order, and what is offered next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import case, exists, func, literal_column, or_, select
from sqlalchemy.orm import aliased, contains_eager, joinedload, selectinload

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import (
    Campaign,
    CodeImage,
    Decision,
    DecisionReason,
    Form,
    Order,
    Photo,
    PhotoCheck,
    RosterEntry,
    Staff,
)
from app.rules.states import OrderState
from app.rules.text import N_
from app.services.review import leases
from app.services.review.queue_place import RANKS

COUNTED = 1000
"""Nobody reads a larger count, and a full one costs with every waiting order."""

CANDIDATES = 5
"""So many are looked up at once: when another reviewer is faster for the first, the next one is at hand."""

SORTS: Mapping[str, str] = {
    "": N_("等待最久"),
    "deadline": N_("期限最近"),
    "verdict": N_("问题在前"),
    "resubmitted": N_("重新提交在前"),
}
KINDS: Mapping[str, str] = {
    "new": N_("首次"),
    "resubmitted": N_("重新提交"),
    "appeal": N_("申诉"),
    "asked": N_("申请人工"),
    "sample": N_("抽检"),
}


@dataclass(frozen=True)
class Filters:
    """What a reviewer wants to see; stands in the page's address."""

    school: int | None = None
    campaign: int | None = None
    verdict: str = ""
    check: str = ""
    reason: str = ""
    kind: str = ""
    """One of KINDS."""
    sort: str = ""
    """One of SORTS."""

    def query(self) -> dict[str, Any]:
        """The filters that are set, for addresses."""
        return {name: value for name, value in vars(self).items() if value}


_WAITS = Order.state == literal_column(f"'{OrderState.PENDING_REVIEW.value}'")
_BAD = PhotoCheck.verdict.in_([literal_column("'fail'"), literal_column("'warn'")])
"""Both written out, not bound: an index of some rows only is chosen for what the statement itself says."""


def waiting(staff: Staff, filters: Filters) -> Any:
    """Orders that this person may decide, in order. Never an appeal about a photo that they have decided on."""
    query: Any = select(Order).where(_WAITS, Order.photo_id.is_not(None), ~_own_appeal(staff))
    if staff.school_ids:
        query = query.where(Order.school_id.in_(staff.school_ids))
    if filters.school:
        query = query.where(Order.school_id == filters.school)
    if filters.campaign:
        query = query.where(Order.campaign_id == filters.campaign)
    if filters.verdict:
        query = query.where(Order.queue_verdict == RANKS.get(filters.verdict, -1))
    if filters.check:
        named = PhotoCheck.code == filters.check
        query = query.where(exists().where(PhotoCheck.photo_id == Order.photo_id, named, _BAD))
    if filters.reason:
        query = query.where(
            exists().where(DecisionReason.decision_id == Order.decision_id, DecisionReason.code == filters.reason)
        )
    query = _of_kind(query, filters.kind)
    return query.order_by(*_before(filters.sort), Order.state_since, Order.id)


def _own_appeal(staff: Staff) -> Any:
    own = aliased(Decision)
    return exists().where(
        Decision.id == Order.decision_id,
        Decision.appealed_at.is_not(None),
        own.order_id == Order.id,
        or_(own.id == Order.decision_id, own.photo_id == Order.photo_id),
        own.staff_id == staff.id,
        own.undone_at.is_(None),
    )


def _of_kind(query: Any, kind: str) -> Any:
    if kind == "new":
        return query.where(Order.decision_id.is_(None))
    if kind == "resubmitted":
        return query.where(Order.decision_id.is_not(None))
    if kind == "appeal":
        return query.where(exists().where(Decision.id == Order.decision_id, Decision.appealed_at.is_not(None)))
    if kind == "asked":
        return query.where(exists().where(Photo.id == Order.photo_id, Photo.human_review_requested_at.is_not(None)))
    if kind == "sample":
        return query.where(exists().where(Photo.id == Order.photo_id, Photo.sampled_at.is_not(None)))
    return query


def _before(sort: str) -> list[Any]:
    """What comes before the waiting time in each order."""
    if sort == "deadline":
        return [Order.queue_due]
    if sort == "verdict":
        return [Order.queue_verdict]
    if sort == "resubmitted":
        return [case((Order.decision_id.is_(None), 1), else_=0)]
    return []


def due(order: Order) -> date:
    """The Beijing day by which the campaign promises a decision."""
    return beijing(order.state_since).date() + timedelta(days=order.campaign.review_days)


def late(order: Order) -> bool:
    """Whether the promised day is over."""
    return due(order) < beijing(now()).date()


def offer_next(staff: Staff, filters: Filters, skip: Sequence[int] = (), tab: str = "") -> Order | None:
    """Offer the first free order to this tab, leased; None when nothing is left."""
    order_id = offer_next_id(staff, filters, skip, tab)
    return db.session.get(Order, order_id) if order_id is not None else None


def offer_next_id(staff: Staff, filters: Filters, skip: Sequence[int] = (), tab: str = "") -> int | None:
    """As `offer_next`, where the order is read later."""
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
    """The rows that a list shows of each order, in the same query."""
    return query.options(
        joinedload(Order.photo),
        joinedload(Order.form),
        joinedload(Order.school),
        joinedload(Order.campaign).joinedload(Campaign.rule),
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
