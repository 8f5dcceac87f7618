"""What can be exported, and what was: queries only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from app.adapters.clock import now
from app.export.frozen import CHSI, DIPLOMA
from app.extensions import db
from app.models import Batch, BatchDifference, BatchItem, BatchState, Campaign, Decision, Order, School, Staff
from app.rules.faults import NotFound
from app.rules.states import OrderState
from app.rules.text import N_
from app.services.access import reach
from app.services.students import consents

KINDS = (CHSI, DIPLOMA)
DELIVERED = (BatchState.HANDED_OVER.value, BatchState.ACKNOWLEDGED.value)
PAGE = 100
"""Rows of one page of a batch's list."""

live = and_(BatchItem.superseded_at.is_(None), BatchItem.released_at.is_(None))
"""Items that count: neither replaced after hand-over nor taken out before."""


def _approved(kind: str) -> ColumnElement[bool]:
    held = exists().where(BatchItem.order_id == Order.id, BatchItem.kind == kind, live)
    states = (OrderState.PENDING_PRODUCTION.value, OrderState.IN_PRODUCTION.value)
    decided = exists().where(
        Decision.id == Order.decision_id,
        Decision.outcome == "approved",
        Decision.undone_at.is_(None),
        Decision.visible_from <= now(),
    )
    return and_(Order.state.in_(states), decided, ~held)


def eligible(campaign_id: int, kind: str) -> Select[Order]:
    """Orders for a batch: visibly approved, the current photo in no live batch of this kind, both consents in force."""
    return select(Order).where(Order.campaign_id == campaign_id, _approved(kind), consents.agreed()).order_by(Order.id)


def left_out(campaign_id: int, kind: str) -> Sequence[str]:
    """Numbers of orders that would be exported if their students had not withdrawn their consent."""
    query = select(Order.number).where(Order.campaign_id == campaign_id, _approved(kind), ~consents.agreed())
    return db.session.scalars(query.order_by(Order.id)).all()


def eligible_counts(kind: str) -> dict[int, int]:
    """How many orders each campaign has for a batch of this kind."""
    query = (
        select(Order.campaign_id, func.count()).where(_approved(kind), consents.agreed()).group_by(Order.campaign_id)
    )
    return dict(db.session.execute(query).all())


def ready(staff: Staff) -> list[tuple[Campaign, str, int]]:
    """What can be exported now: campaign of this person's schools, the newest first, kind, how many orders."""
    query = select(Campaign).order_by(Campaign.id.desc())
    if staff.school_ids:
        query = query.where(Campaign.school_id.in_(staff.school_ids))
    counts = {kind: eligible_counts(kind) for kind in KINDS}
    campaigns = db.session.scalars(query).all()
    return [(one, kind, counts[kind][one.id]) for one in campaigns for kind in one.kinds if one.id in counts[kind]]


def campaign(staff: Staff, campaign_id: int) -> Campaign:
    """A campaign of this person's schools. Raises NotFound for others."""
    found = db.session.get(Campaign, campaign_id)
    if found is None or not staff.sees(found.school_id):
        raise NotFound
    return found


def campaigns_to_export(kind: str, school: str | None, campaign: str | None) -> Sequence[Campaign]:
    """Campaigns that want this kind, filtered. Raises NotFound for a code that nobody has."""
    query = select(Campaign).join(School).order_by(School.code, Campaign.code)
    if campaign:
        query = query.where(Campaign.code == campaign)
    if school:
        query = query.where(School.code == school)
    found = db.session.scalars(query).all()
    if not found and (school or campaign):
        raise NotFound(N_("没有这个学校或批次"))
    return [one for one in found if kind in one.kinds]


def by_number(number: str, staff: Staff | None = None) -> Batch:
    """A batch by its number; for `staff`, of their schools. Raises NotFound."""
    found = db.session.scalar(select(Batch).where(Batch.number == number))
    if found is None or (staff is not None and not staff.sees(found.school_id)):
        raise NotFound(N_("没有这个制作批次"))
    return found


@dataclass(frozen=True)
class Summary:
    """A batch's counts: items that are in it, of these replaced after hand-over, and what its receiver found amiss."""

    count: int
    superseded: int
    differences: int = 0


def summary(batch: Batch) -> Summary:
    """Count without opening a single sealed row."""
    return summaries([batch.id]).get(batch.id, Summary(0, 0))


def summaries(ids: Sequence[int]) -> dict[int, Summary]:
    """The counts of many batches in two queries."""
    query = (
        select(BatchItem.batch_id, func.count(), func.count(BatchItem.superseded_at))
        .where(BatchItem.batch_id.in_(ids), BatchItem.released_at.is_(None))
        .group_by(BatchItem.batch_id)
    )
    amiss = (
        select(BatchDifference.batch_id, func.count())
        .where(BatchDifference.batch_id.in_(ids))
        .group_by(BatchDifference.batch_id)
    )
    differ = dict(db.session.execute(amiss).all())
    return {one: Summary(count, gone, differ.get(one, 0)) for one, count, gone in db.session.execute(query)}


def recent(staff: Staff, limit: int = 100) -> list[tuple[Batch, Summary]]:
    """The newest batches that this person may see, with their counts."""
    query = select(Batch).order_by(Batch.id.desc()).limit(limit)
    if staff.school_ids:
        query = query.where(Batch.school_id.in_(staff.school_ids))
    found = db.session.scalars(query).all()
    counts = summaries([batch.id for batch in found])
    return [(batch, counts.get(batch.id, Summary(0, 0))) for batch in found]


@dataclass(frozen=True)
class Row:
    """One line of a batch's list on screen: no name, no number of a person."""

    position: int
    order_number: str
    superseded_cause: str | None
    released: bool


def page_of(batch: Batch, page: int, *, changed: bool = False) -> list[Row]:
    """Page 1, 2 … of the list, 100 rows each; `changed`: only what was replaced or taken out."""
    query = (
        select(
            BatchItem.position, Order.number, BatchItem.superseded_at, BatchItem.superseded_cause, BatchItem.released_at
        )
        .join(Order, Order.id == BatchItem.order_id)
        .where(BatchItem.batch_id == batch.id)
    )
    if changed:
        query = query.where(~live)
    rows = db.session.execute(query.order_by(BatchItem.position).limit(PAGE).offset(max(0, page - 1) * PAGE))
    return [
        Row(position, number, cause if gone else None, released is not None)
        for position, number, gone, cause, released in rows
    ]


def find_item(code: str, staff: Staff) -> str:
    """The number of their schools' order behind a sheet's small code, `batch/position`. Raises NotFound."""
    number, _, position = code.strip().rpartition("/")
    query = (
        select(Order.number)
        .join(BatchItem, BatchItem.order_id == Order.id)
        .join(Batch, Batch.id == BatchItem.batch_id)
        .where(
            Batch.number == number,
            BatchItem.position == (int(position) if re.fullmatch("[0-9]{1,9}", position) else -1),
        )
    )
    found = db.session.scalar(reach.narrowed(query, staff))
    if found is None:
        raise NotFound(N_("没有找到这个小码，请扫描照片下方的二维码，或输入“批次编号/序号”"))
    return found
