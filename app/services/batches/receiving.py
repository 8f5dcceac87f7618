"""Delivered batches as the school sees them: what lies in them, and what was recalled since."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.export.frozen import FrozenItem
from app.export.paths import by_class, photo_paths
from app.extensions import db
from app.models import Batch, BatchItem, Campaign, Staff
from app.rules.faults import NotFound
from app.rules.text import N_
from app.services.batches.finding import DELIVERED
from app.services.batches.freezing import frozen_rows


def delivered(found: Campaign) -> Sequence[Batch]:
    """The batches of a campaign that were handed over, the newest first."""
    return db.session.scalars(
        select(Batch).where(Batch.campaign_id == found.id, Batch.state.in_(DELIVERED)).order_by(Batch.id.desc())
    ).all()


def after(batch: Batch) -> Sequence[Batch]:
    """The batches of the same campaign and kind that were handed over after this one, the newest first."""
    return [one for one in delivered(batch.campaign) if one.kind == batch.kind and one.id > batch.id]


def delivered_to(staff: Staff, number: str) -> Batch:
    """A delivered batch of this person's schools. Raises NotFound for any other."""
    found = db.session.scalar(select(Batch).where(Batch.number == number, Batch.state.in_(DELIVERED)))
    if found is None or not staff.sees(found.school_id):
        raise NotFound(N_("没有这个交付批次"))
    return found


def classes(batch: Batch) -> list[tuple[str, str, int]]:
    """Photos by college and class, as on the delivery note; none once retention has deleted the list."""
    return [(*key, count) for key, count in sorted(by_class(frozen_rows(batch.id)).items())]


def recalled(batch: Batch) -> list[tuple[FrozenItem, str]]:
    """Photos that were recalled since the batch was handed over, each with its path in it: nobody must use them."""
    query = select(BatchItem.position).where(BatchItem.batch_id == batch.id, BatchItem.superseded_at.is_not(None))
    gone = set(db.session.scalars(query))
    items = list(frozen_rows(batch.id)) if gone else []
    paths = photo_paths(batch.kind, items)
    return [(item, paths[item.position]) for item in items if item.position in gone]
