"""Lists of what waits: the queue's first page, and the photos that a gallery may approve together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Bundle

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import Campaign, CodeImage, Decision, Form, Lease, Order, Photo, RosterEntry, School, Staff
from app.models.order import due_day
from app.services.review import leases
from app.services.review.queue_filters import Filters, asks, in_order, waiting
from app.services.statements import written_once


@dataclass(frozen=True)
class Waiting:
    """One order that waits, as lists show it."""

    id: int
    number: str
    version: int
    photo_id: int
    photo: Any
    """What is shown of its photo: id, rendition_key, verdict, human_review_requested_at, sampled_at."""
    name: str
    class_name: str
    school: str
    campaign: str
    code_unreadable: bool
    decision_id: int | None
    """The last decision that stands, where it was submitted again."""
    since: datetime
    review_days: int
    holder: str | None = None
    """Who is offered it now."""

    @property
    def due_day(self) -> date:
        """The Beijing day by which the campaign promises a decision."""
        return due_day(self.since, self.review_days)

    @property
    def late(self) -> bool:
        """Whether the promised day is over."""
        return self.due_day < beijing(now()).date()


_SHOWN: tuple[Any, ...] = (
    Order.id,
    Order.number,
    Order.version,
    Order.photo_id,
    Bundle("photo", Photo.id, Photo.rendition_key, Photo.verdict, Photo.human_review_requested_at, Photo.sampled_at),
    Form.name,
    Form.class_name,
    School.name,
    Campaign.name,
    Order.code_unreadable,
    Order.decision_id,
    Order.state_since,
    Campaign.review_days,
)
_LISTED: Any = (
    select(*_SHOWN)
    .join(Photo, Photo.id == Order.photo_id)
    .join(Form, Form.id == Order.form_id)
    .join(School, School.id == Order.school_id)
    .join(Campaign, Campaign.id == Order.campaign_id)
)
"""The fields of `Waiting`."""

_OF_IDS = _LISTED.where(Order.id.in_(bindparam("ids", expanding=True)))


@written_once
def _page(filters: Filters, *, bound: bool) -> Any:
    """The rows are read once it is known which: joined before, a database that sorts would read those of all."""
    first = waiting(filters, bound=bound).with_only_columns(Order.id).limit(bindparam("limit")).subquery()
    holds = (Lease.order_id == Order.id) & (Lease.expires_at > bindparam("moment"))
    query = _LISTED.add_columns(Staff.name).join(first, first.c.id == Order.id)
    query = query.outerjoin(Lease, holds).outerjoin(Staff, Staff.id == Lease.staff_id)
    return query.order_by(*in_order(filters))


def page(staff: Staff, filters: Filters, limit: int = 50) -> Sequence[Waiting]:
    """The first waiting orders, leased or not."""
    query = _page(filters, bound=bool(staff.school_ids))
    found = db.session.execute(query, asks(staff) | {"limit": limit, "moment": now()})
    return [Waiting(*row) for row in found]


def green(staff: Staff, filters: Filters, limit: int, tab: str) -> Sequence[Waiting]:
    """Orders whose photo may be approved in a gallery, leased to this tab.

    Passed photos that nobody has decided about, asked about or drawn as a sample; with a readable code; whose form does
    not contradict the roster. Everything else deserves a look of its own.
    """
    query = _green(filters, bound=bool(staff.school_ids))
    found = db.session.scalars(query, asks(staff) | leases.asks(staff, tab) | {"limit": limit}).all()
    mine = leases.lease_all(found, staff, tab)
    rows = {row.id: Waiting(*row) for row in db.session.execute(_OF_IDS, {"ids": mine})}
    return [rows[one] for one in found if one in rows]


@written_once
def _green(filters: Filters, *, bound: bool) -> Any:
    query = waiting(filters, bound=bound).with_only_columns(Order.id)
    query = query.join(Photo, Photo.id == Order.photo_id).join(Form, Form.id == Order.form_id)
    return query.where(*_GREEN, ~_contradicted(), leases.free()).limit(bindparam("limit"))


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
