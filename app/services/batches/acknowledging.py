"""签收: the receiver says that a delivered batch is all right, or what differs, each line bound to its photo."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select

from app.adapters.clock import now
from app.export.frozen import FrozenItem
from app.export.paths import photo_paths
from app.extensions import db
from app.models import Batch, BatchDifference, BatchItem, BatchState, Order, Staff
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.text import N_
from app.services import audit
from app.services.batches.receiving import delivered_to
from app.services.unit import unit_of_work

MOST_DIFFERENCES = 500

_BETWEEN = re.compile(r"[\s,，:：;；、]+")
"""What people put between a number and what is wrong with it."""


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
    """签收. `lines` are differences: a student number, file or its path, then what is wrong. Returns how many.

    Raises Invalid when neither "all the same" nor a difference is given, or both are; ActionNotAllowed when it was
    acknowledged before.
    """
    if same == bool(lines.strip() or text.strip()):
        raise Invalid(fields={"lines": N_("请选择“全部一致”，或写明差异，二者择一")})
    if len(lines.splitlines()) > MOST_DIFFERENCES:
        raise Invalid(fields={"lines": N_("差异太多，请联系制作员整体核对")})
    found = list(_differences(lines, _known(delivered_to(staff, number)) if lines.strip() else {}))
    with unit_of_work():
        batch = delivered_to(staff, number)
        if batch.state != BatchState.HANDED_OVER:
            raise ActionNotAllowed(N_("只有已交付的批次可以签收"))
        batch.state, batch.acknowledged_at = BatchState.ACKNOWLEDGED.value, now()
        batch.acknowledgement = text.strip()[:1000]
        for subject, note, item_id in found:
            db.session.add(
                BatchDifference(batch_id=batch.id, item_id=item_id, subject=subject, text=note, staff_id=staff.id)
            )
        audit.note(staff, "batch.acknowledged", f"batch-{batch.id}")
    return len(found)


def _differences(lines: str, known: Mapping[str, int]) -> Iterator[tuple[str, str, int | None]]:
    """What each line is about, what it says, and the item that it means where one is known."""
    for line in map(str.strip, lines.splitlines()):
        if line:
            subject, note = _cut(line, known)
            yield subject[:300], note[:300], known.get(_key(subject), known.get(_number(subject)))


def _cut(line: str, known: Mapping[str, int]) -> tuple[str, str]:
    """A line's subject: the longest start of it that names a photo, for paths may have spaces; else its first word."""
    cuts = [(found.start(), found.end()) for found in _BETWEEN.finditer(line)]
    for end, start in [(len(line), len(line)), *reversed(cuts)]:
        if _key(line[:end]) in known:
            return line[:end], line[start:]
    for end, start in cuts:
        if _number(line[:end]) in known:
            return line[:end], line[start:]
    end, start = cuts[0] if cuts else (len(line), len(line))
    return line[:end], line[start:]


def _number(path: str) -> str:
    """The student number with which a picture's path in a diploma batch ends or goes on: 文学院/一班/9_王一.jpg."""
    return _key(path).rpartition("/")[2].partition("_")[0]


def _key(name: str) -> str:
    return name.strip().replace("\\", "/").casefold()


def _known(batch: Batch) -> dict[str, int]:
    """Item ids by order and student number, and by the picture's path and name, with and without its suffix."""
    query = (
        select(BatchItem.id, BatchItem.frozen)
        .where(BatchItem.batch_id == batch.id, BatchItem.released_at.is_(None))
        .order_by(BatchItem.position)
    )
    rows = db.session.execute(query.execution_options(yield_per=500))
    items = {item_id: FrozenItem.from_json(text) for item_id, text in rows if text}
    paths, known = photo_paths(batch.kind, list(items.values())), dict[str, int]()
    for item_id, item in items.items():
        path = paths[item.position]
        for name in (item.student_no, item.order_number, item.file_name, path, path.rpartition("/")[2]):
            known[_key(name)] = known[_key(name).removesuffix(".jpg")] = item_id
    return known
