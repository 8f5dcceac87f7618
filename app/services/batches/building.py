"""Building: outside any transaction, completely or not at all, again after a kill, always the same bytes."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.export.build import write
from app.export.durable import aside, place, remove
from app.export.frozen import CHSI, Progress
from app.export.pictures import SourceChanged
from app.extensions import db
from app.models import Batch, BatchItem, BatchState, Campaign, School
from app.rules.faults import ActionNotAllowed
from app.rules.text import N_
from app.services.batches.copies import note_copy
from app.services.batches.sources import PURGED, listed
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)


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
        found = listed(batch)
        db.session.rollback()  # nothing is held while files are written
        if not found.ids:
            _discard_empty(batch_id)
            raise ActionNotAllowed(N_("批次中的订单都已被召回"))
        with _alone(path) as part:
            try:
                digest = write(found.batch, found.sources, current_app.extensions["keys"], part, progress)
            except SourceChanged as fault:
                _refuse_purged(batch_id)
                _note_fault(batch_id, fault.number)
                raise
            if _finish(batch_id, digest, found.ids, part, path, remember=out is None):
                return path


def batch_path(batch: Batch, out: Path | None = None) -> Path:
    """Where a batch lies: a ZIP for 学信网, a folder for diplomas."""
    folder = out or Path(current_app.config["BATCH_FOLDER"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / (f"{batch.number}.zip" if batch.kind == CHSI else batch.number)


def clear(batch: Batch) -> None:
    """Remove a batch's files, and what a killed build left beside them; one that still runs removes its own."""
    for path in {batch_path(batch), Path(batch.path or batch_path(batch))}:
        remove(path)
        lock = _lock(path)
        if lock.exists():
            with lock.open("w") as file, suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for one in (_part(path), aside(path), lock):
                    remove(one)


def clear_discarded() -> int:
    """Files of discarded batches that a kill has left: they hold people, and nobody shall deliver them."""
    there = [batch for batch in db.session.scalars(select(Batch).where(Batch.state == BatchState.DISCARDED.value))
             if batch_path(batch).exists() or _lock(batch_path(batch)).exists()]  # fmt: skip
    for batch in there:
        clear(batch)
    return len(there)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """One builder of a path at a time: gives the path to write to. The lock goes with the process that holds it.

    What the new files replace is removed at the end, when no transaction is open that others wait for.
    """
    part, old = _part(path), aside(path)
    with _lock(path).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remove(old)  # of a killed build
        try:
            yield part
        finally:
            remove(part)
            remove(old)


def _finish(batch_id: int, digest: str, built: set[int], part: Path, path: Path, *, remember: bool) -> bool:
    """Put the files in their place and mark the batch ready; False, and nothing done, when its list changed meanwhile.

    Files first, then the commit: after a crash in between the batch is still `building` and is built again.
    """
    with unit_of_work():
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        if batch.state == BatchState.DISCARDED:
            raise ActionNotAllowed(N_("这个批次已作废，请重新导出"))
        still = select(BatchItem.id).where(
            BatchItem.batch_id == batch_id, BatchItem.released_at.is_(None), BatchItem.sha256 != ""
        )  # retention empties rows, also while somebody builds from them
        if set(db.session.scalars(still)) != built:
            return False
        place(part, path)
        batch.sha256, batch.done_items, batch.fault = digest, len(built), None
        if remember:
            batch.path = str(path)
        else:
            note_copy(batch_id, path)
        if batch.state == BatchState.BUILDING:
            batch.state = BatchState.READY.value
        return True


def _discard_empty(batch_id: int) -> None:
    with unit_of_work():
        db.session.get_one(Batch, batch_id).state = BatchState.DISCARDED.value
    clear(db.session.get_one(Batch, batch_id))


def _refuse_purged(batch_id: int) -> None:
    """Pictures that retention has deleted meanwhile are no fault of their order."""
    kept = select(BatchItem.id).where(BatchItem.batch_id == batch_id, BatchItem.sha256 != "")
    if db.session.scalar(kept.limit(1)) is None:
        raise ActionNotAllowed(PURGED)


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
