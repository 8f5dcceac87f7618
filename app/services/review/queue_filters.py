"""Which waiting orders somebody may decide, as the page's filters narrow and sort them.

Who asks is bound when a question is put (`asks`), not written into it: the same question serves everybody, and is made
once for all (review_queue).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, case, exists, literal_column, or_, select
from sqlalchemy.orm import aliased

from app.models import Decision, DecisionReason, Order, Photo, PhotoCheck, Staff
from app.rules.states import OrderState
from app.rules.text import N_
from app.services.queue_place import RANKS

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


_ALIKE = ("new", "resubmitted", "appeal")
"""Kinds whose orders all are resubmitted, or none is."""

_WAITS = Order.state == literal_column(f"'{OrderState.PENDING_REVIEW.value}'")
_BAD = PhotoCheck.verdict.in_([literal_column("'fail'"), literal_column("'warn'")])
"""Both written out, not bound: an index of some rows only is chosen for what the statement itself says."""

_first = case((Order.decision_id.is_(None), literal_column("1")), else_=literal_column("0"))
_again = _first == literal_column("0")
"""As its index has it: of a plain `decision_id IS NOT NULL` PostgreSQL expects as many as among all orders, nearly all,
and reads every order that waits."""


def asks(staff: Staff) -> dict[str, Any]:
    """What `waiting` leaves open: who asks, and the schools that they are bound to."""
    return {"me": staff.id, "my_schools": sorted(staff.school_ids)}


def waiting(filters: Filters, *, bound: bool) -> Any:
    """Orders that whoever asks may decide, in order. Never an appeal about a photo that they have decided on.

    `bound`: they are bound to schools.
    """
    query = select(Order).where(_WAITS, Order.photo_id.is_not(None), ~_own_appeal())
    if bound:
        query = query.where(Order.school_id.in_(bindparam("my_schools", expanding=True)))
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
        given = exists().where(DecisionReason.decision_id == Order.decision_id, DecisionReason.code == filters.reason)
        query = query.where(_again, given)
    query = _of_kind(query, filters.kind)
    return query.order_by(*in_order(filters))


def _own_appeal() -> Any:
    own = aliased(Decision)
    return exists().where(
        Decision.id == Order.decision_id,
        Decision.appealed_at.is_not(None),
        own.order_id == Order.id,
        or_(own.id == Order.decision_id, own.photo_id == Order.photo_id),
        own.staff_id == bindparam("me"),
        own.undone_at.is_(None),
    )


def _of_kind(query: Any, kind: str) -> Any:
    if kind == "new":
        return query.where(_first == literal_column("1"))
    if kind == "resubmitted":
        return query.where(_again)
    if kind == "appeal":
        appealed = exists().where(Decision.id == Order.decision_id, Decision.appealed_at.is_not(None))
        return query.where(_again, appealed)
    if kind == "asked":
        return query.where(exists().where(Photo.id == Order.photo_id, Photo.human_review_requested_at.is_not(None)))
    if kind == "sample":
        return query.where(exists().where(Photo.id == Order.photo_id, Photo.sampled_at.is_not(None)))
    return query


def in_order(filters: Filters) -> list[Any]:
    """What the queue is sorted by: last by how long an order waits."""
    waits = [Order.state_since, Order.id]
    if filters.sort == "deadline":
        return [Order.queue_due, *waits]
    if filters.sort == "verdict":
        return [Order.queue_verdict, *waits]
    if filters.sort == "resubmitted" and filters.kind not in _ALIKE:
        return [_first, *waits]
    return waits
