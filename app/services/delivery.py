"""Delivered batches as the receiver sees them: short-lived links, every download logged, what differs on arrival."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flask import current_app
from itsdangerous import BadSignature, TimestampSigner
from sqlalchemy import select

from app.adapters.clock import now
from app.export import archive
from app.export.frozen import FrozenItem
from app.extensions import db
from app.models import Audit, Batch, BatchDifference, BatchItem, BatchState, Campaign, Order, Staff
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.text import N_
from app.services import audit
from app.services.unit import unit_of_work

DELIVERED = (BatchState.HANDED_OVER.value, BatchState.ACKNOWLEDGED.value)
LIFE = 900
"""Seconds that a download link works."""

MOST_DIFFERENCES = 500


@dataclass(frozen=True)
class Received:
    """One photo of a delivered batch as its receiver may know it."""

    row: BatchItem
    item: FrozenItem | None  # none once retention has deleted it


def delivered(found: Campaign) -> Sequence[Batch]:
    """The batches of a campaign that were handed over, the newest first."""
    return db.session.scalars(
        select(Batch).where(Batch.campaign_id == found.id, Batch.state.in_(DELIVERED)).order_by(Batch.id.desc())
    ).all()


def find(staff: Staff, number: str) -> Batch:
    """A delivered batch of this person's schools. Raises NotFound for any other."""
    found = db.session.scalar(select(Batch).where(Batch.number == number, Batch.state.in_(DELIVERED)))
    if found is None or (staff.school_ids and found.school_id not in staff.school_ids):
        raise NotFound(N_("没有这个交付批次"))
    return found


def items(batch: Batch) -> list[Received]:
    """What lies in a batch, in its order; released rows never left the house."""
    rows = [row for row in batch.items if row.released_at is None]
    return [Received(row, FrozenItem.from_json(row.frozen) if row.frozen else None) for row in rows]


def by_class(received: Sequence[Received]) -> list[tuple[str, str, int]]:
    """Photos by college and class, as on the delivery note."""
    counted = Counter((one.item.college, one.item.class_name) for one in received if one.item is not None)
    return [(*key, count) for key, count in sorted(counted.items())]


def _signer() -> TimestampSigner:
    return TimestampSigner(current_app.config["SECRET_KEY"], salt="batch-download")


def link(staff: Staff, number: str) -> str:
    """A token that lets this person download this batch for LIFE seconds. Issuing it is logged."""
    batch_id = find(staff, number).id
    with unit_of_work():
        audit.note(staff, "batch.link_made", f"batch-{batch_id}")
    return _signer().sign(f"{staff.id}.{batch_id}").decode()


def open_link(staff: Staff, token: str) -> Batch:
    """The batch behind a token made for this person that still works; the download is logged. Raises NotFound."""
    try:
        staff_id, batch_id = _signer().unsign(token, max_age=LIFE).decode().split(".")
    except (BadSignature, ValueError):
        raise NotFound(N_("下载链接已失效，请返回批次页面重新获取")) from None
    batch = db.session.get(Batch, int(batch_id))
    if int(staff_id) != staff.id or batch is None or not on_disk(batch):
        raise NotFound(N_("下载链接已失效，请返回批次页面重新获取"))
    number = find(staff, batch.number).number
    with unit_of_work():
        audit.note(staff, "batch.downloaded", f"batch-{batch_id}")
    return find(staff, number)


def on_disk(batch: Batch) -> bool:
    """Whether this machine has the batch's files."""
    return bool(batch.path) and Path(str(batch.path)).exists()


def open_file(batch: Batch) -> IO[bytes]:
    """The batch as one open file: a 学信网 ZIP as it lies there, a diploma folder as the canonical ZIP of its files.

    The ZIP of a folder is written to a temporary file that goes when it is closed; memory stays flat.
    """
    path = Path(str(batch.path))
    if path.is_file():
        return path.open("rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the response that sends it
    names = sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file())
    file.writelines(archive.stream((name, (path / name).read_bytes()) for name in names))
    file.seek(0)
    return file


def downloads(batch: Batch) -> Sequence[tuple[Audit, str]]:
    """Who downloaded a batch and when, the newest first."""
    query = (
        select(Audit, Staff.name)
        .outerjoin(Staff, Staff.id == Audit.staff_id)
        .where(Audit.subject == f"batch-{batch.id}", Audit.action == "batch.downloaded")
        .order_by(Audit.id.desc())
        .limit(50)
    )
    return [(row, name or "") for row, name in db.session.execute(query)]


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
        batch = find(staff, number)
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
    for one in items(batch):
        if one.item is not None:
            for name in (one.item.student_no, one.item.file_name, f"{one.item.file_name}.jpg", one.item.order_number):
                known[name.casefold()] = one.row.id
    return known
