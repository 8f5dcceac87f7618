"""Which waiting orders somebody may decide, as the page's filters narrow and sort them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, exists, literal_column, or_, select
from sqlalchemy.orm import aliased

from app.models import Decision, DecisionReason, Order, Photo, PhotoCheck, Staff
from app.rules.states import OrderState
from app.rules.text import N_
from app.services.access import reach
from app.services.review.queue_place import RANKS

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
    query = reach.narrowed(select(Order).where(_WAITS, Order.photo_id.is_not(None), ~_own_appeal(staff)), staff)
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
