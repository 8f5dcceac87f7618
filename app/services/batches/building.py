"""Building: outside any transaction, completely or not at all, again after a kill, always the same bytes."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.adapters.storage import storage
from app.export.build import SourceChanged, place, remove, write
from app.export.frozen import CHSI, FrozenBatch, FrozenItem
from app.extensions import db
from app.models import Batch, BatchItem, BatchState, Campaign, CodeImage, Photo, School
from app.rules.faults import ActionNotAllowed
from app.rules.text import N_
from app.services.batches.freezing import frozen_batch
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


class StoredSources:
    """Renditions and codes from the running app's storage, by position: their keys."""

    def __init__(self, keys: dict[int, tuple[str, str | None]]) -> None:
        self._keys = keys

    def rendition(self, item: FrozenItem) -> bytes:
        """The stored JPEG. Raises FileNotFoundError."""
        return storage().get(self._keys[item.position][0])

    def code(self, item: FrozenItem) -> bytes:
        """The stored picture of the code. Raises FileNotFoundError."""
        key = self._keys[item.position][1]
        if key is None:
            raise FileNotFoundError(item.order_number)
        return storage().get(key)


def build(batch_id: int, progress: Progress, out: Path | None = None) -> Path:
    """Build a frozen batch and mark it ready. Can be killed and run again: the same rows give the same bytes.

    An order that is recalled meanwhile leaves the list, and the build starts again without it. Raises SourceChanged
    when a stored file is not the frozen one, ActionNotAllowed when the batch is discarded or nothing is left in it.
    """
    while True:
        batch = db.session.get_one(Batch, batch_id)
        if batch.state == BatchState.DISCARDED:
            raise ActionNotAllowed(N_("这个批次已作废，请重新导出"))
        path = batch_path(batch, out)
        rows = [row for row in batch.items if row.released_at is None]
        if not rows:
            _discard_empty(batch_id)
            raise ActionNotAllowed(N_("批次中的订单都已被召回"))
        if not all(row.frozen for row in rows):
            raise ActionNotAllowed(N_("保留期已过，批次不能再生成"))
        ids = {row.id for row in rows}
        frozen, sources = _frozen(batch, rows)
        db.session.rollback()  # nothing is held while files are written
        with _alone(path) as part:
            try:
                digest = write(frozen, sources, current_app.extensions["keys"], part, progress)
            except SourceChanged as fault:
                _note_fault(batch_id, fault.number)
                raise
            if _finish(batch_id, digest, ids, part, path, remember=out is None):
                return path


def batch_path(batch: Batch, out: Path | None = None) -> Path:
    """Where a batch lies: a ZIP for 学信网, a folder for diplomas."""
    folder = out or Path(current_app.config["BATCH_FOLDER"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (f"{batch.number}.zip" if batch.kind == CHSI else batch.number)


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """One builder of a path at a time: gives the path to write to. The lock goes with the process that holds it."""
    part = path.with_name(f".{path.name}.part")
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield part
        finally:
            remove(part)


def _frozen(batch: Batch, rows: list[BatchItem]) -> tuple[FrozenBatch, StoredSources]:
    items = [FrozenItem.from_json(row.frozen) for row in rows]
    photos: dict[int, str | None] = {}
    codes: dict[tuple[int, str], str] = {}
    for start in range(0, len(rows), 500):
        some = rows[start : start + 500]
        by_photo = select(Photo.id, Photo.rendition_key).where(Photo.id.in_([row.photo_id for row in some]))
        photos |= dict(db.session.execute(by_photo).all())
        by_order = select(CodeImage.order_id, CodeImage.sha256, CodeImage.key).where(
            CodeImage.order_id.in_([row.order_id for row in some])
        )
        codes |= {(order_id, sha256): key for order_id, sha256, key in db.session.execute(by_order)}
    keys = {
        item.position: (photos.get(row.photo_id) or "", codes.get((row.order_id, item.code_sha256 or "")))
        for row, item in zip(rows, items, strict=True)
    }
    return frozen_batch(batch, items), StoredSources(keys)


def _finish(batch_id: int, digest: str, built: set[int], part: Path, path: Path, *, remember: bool) -> bool:
    """Put the files in their place and mark the batch ready; False, and nothing done, when its list changed meanwhile.

    Files first, then the commit: after a crash in between the batch is still `building` and is built again.
    """
    with unit_of_work():
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        if batch.state == BatchState.DISCARDED:
            raise ActionNotAllowed(N_("这个批次已作废，请重新导出"))
        listed = select(BatchItem.id).where(BatchItem.batch_id == batch_id, BatchItem.released_at.is_(None))
        if set(db.session.scalars(listed)) != built:
            return False
        place(part, path)
        batch.sha256, batch.done_items, batch.fault = digest, len(built), None
        if remember:
            batch.path = str(path)
        if batch.state == BatchState.BUILDING:
            batch.state = BatchState.READY.value
        return True


def _discard_empty(batch_id: int) -> None:
    with unit_of_work():
        db.session.get_one(Batch, batch_id).state = BatchState.DISCARDED.value


def _note_fault(batch_id: int, order_number: str) -> None:
    with unit_of_work():
        db.session.get_one(Batch, batch_id).fault = order_number


def note_progress(batch_id: int) -> Progress:
    """A progress function that remembers once a second how far a build is, for the page."""
    noted = time.monotonic()

    def note(done: int, total: int) -> None:
        nonlocal noted
        if time.monotonic() - noted < 1:
            return
        noted = time.monotonic()
        with unit_of_work():
            batch = db.session.get_one(Batch, batch_id)
            if batch.state == BatchState.BUILDING:
                batch.percent = done * 100 // total

    return note


def unfinished(kind: str, school: str | None, campaign: str | None) -> Sequence[Batch]:
    """Batches that were frozen and never finished, oldest first: a killed export goes on with these."""
    query = select(Batch).where(Batch.state == BatchState.BUILDING.value, Batch.kind == kind).order_by(Batch.id)
    if campaign:
        query = query.join(Campaign, Campaign.id == Batch.campaign_id).where(Campaign.code == campaign)
    if school:
        query = query.join(School, School.id == Batch.school_id).where(School.code == school)
    return db.session.scalars(query).all()


def request_build(batch: Batch) -> bool:
    """Have a worker build a frozen batch, or build one again whose files are gone."""
    return enqueue("export", "export.build_batch", batch.id, job_id=f"export-{batch.id}-{int(now().timestamp())}")


def resume_lost() -> int:
    """Have batches built on that were frozen and never finished. Returns how many."""
    waiting = db.session.scalars(select(Batch).where(Batch.state == BatchState.BUILDING.value)).all()
    for batch in waiting:
        enqueue("export", "export.build_batch", batch.id, job_id=f"export-{batch.id}-{int(now().timestamp()) // 600}")
    return len(waiting)
