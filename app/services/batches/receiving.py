"""Delivered batches as the school sees them: what lies in them, what was recalled, what differs on arrival."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.adapters.clock import now
from app.export.frozen import FrozenItem
from app.export.paths import by_class
from app.extensions import db
from app.models import Batch, BatchDifference, BatchItem, BatchState, Campaign, Order, Staff
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.text import N_
from app.services import audit
from app.services.batches.finding import DELIVERED
from app.services.batches.freezing import frozen_rows
from app.services.unit import unit_of_work

MOST_DIFFERENCES = 500


def delivered(found: Campaign) -> Sequence[Batch]:
    """The batches of a campaign that were handed over, the newest first."""
    return db.session.scalars(
        select(Batch).where(Batch.campaign_id == found.id, Batch.state.in_(DELIVERED)).order_by(Batch.id.desc())
    ).all()


def delivered_to(staff: Staff, number: str) -> Batch:
    """A delivered batch of this person's schools. Raises NotFound for any other."""
    found = db.session.scalar(select(Batch).where(Batch.number == number, Batch.state.in_(DELIVERED)))
    if found is None or (staff.school_ids and found.school_id not in staff.school_ids):
        raise NotFound(N_("没有这个交付批次"))
    return found


def classes(batch: Batch) -> list[tuple[str, str, int]]:
    """Photos by college and class, as on the delivery note; none once retention has deleted the list."""
    return [(*key, count) for key, count in sorted(by_class(frozen_rows(batch.id)).items())]


def recalled(batch: Batch) -> list[FrozenItem]:
    """Photos that were recalled since the batch was handed over: their receiver must not use them."""
    query = select(BatchItem.frozen).where(BatchItem.batch_id == batch.id, BatchItem.superseded_at.is_not(None))
    texts = db.session.scalars(query.order_by(BatchItem.position))
    return [FrozenItem.from_json(text) for text in texts if text]


def differences(batch: Batch) -> Sequence[tuple[BatchDifference, str]]:
    """What the receiver found different, each with the order's number where it could be found."""
    query = (
        select(BatchDifference, Order.number)
        .outerjoin(BatchItem, BatchItem.id == BatchDifference.item_id)
        .outerjoin(Order, Order.id == BatchItem.order_id)
        .where(BatchDifference.batch_id == batch.id)
        .order_by(BatchDifference.id)
    )
    return [(row, number or "") for row, number in db.session.execute(query)]


def acknowledge(staff: Staff, number: str, same: bool, lines: str, text: str) -> int:
    """签收. `lines` are differences: a student number or file name, then what is wrong. Returns how many.

    Raises Invalid when neither "all the same" nor a difference is given, or both are; ActionNotAllowed when it was
    acknowledged before.
    """
    found = _differences(lines)
    if same == bool(found or text.strip()):
        raise Invalid(fields={"lines": N_("请选择“全部一致”，或写明差异，二者择一")})
    if len(found) > MOST_DIFFERENCES:
        raise Invalid(fields={"lines": N_("差异太多，请联系制作员整体核对")})
    with unit_of_work():
        batch = delivered_to(staff, number)
        if batch.state != BatchState.HANDED_OVER:
            raise ActionNotAllowed(N_("只有已交付的批次可以签收"))
        batch.state, batch.acknowledged_at = BatchState.ACKNOWLEDGED.value, now()
        batch.acknowledgement = text.strip()[:1000]
        known = _known(batch)
        for subject, note in found:
            item_id = known.get(subject.casefold())
            db.session.add(
                BatchDifference(batch_id=batch.id, item_id=item_id, subject=subject, text=note, staff_id=staff.id)
            )
        audit.note(staff, "batch.acknowledged", f"batch-{batch.id}")
    return len(found)


def _differences(lines: str) -> list[tuple[str, str]]:
    found = []
    for line in lines.splitlines():
        subject, _, note = line.strip().replace("\t", " ").partition(" ")
        if subject:
            found.append((subject[:100], note.strip()[:300]))
    return found


def _known(batch: Batch) -> dict[str, int]:
    """Item ids by student number and by file name, with and without its suffix."""
    known: dict[str, int] = {}
    query = select(BatchItem.id, BatchItem.frozen).where(
        BatchItem.batch_id == batch.id, BatchItem.released_at.is_(None)
    )
    for item_id, text in db.session.execute(query.execution_options(yield_per=500)):
        if text:
            item = FrozenItem.from_json(text)
            for name in (item.student_no, item.file_name, f"{item.file_name}.jpg", item.order_number):
                known[name.casefold()] = item_id
    return known
