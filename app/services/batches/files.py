"""A batch's files on their way out: whether they are here, as one stream, and who fetched them when."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sqlalchemy import select

from app.export import archive
from app.extensions import db
from app.models import Audit, Batch, BatchState, Staff
from app.rules.faults import NotFound
from app.rules.text import N_
from app.services import audit
from app.services.batches.finding import DELIVERED, by_number
from app.services.unit import unit_of_work

BUILT = (BatchState.READY.value, *DELIVERED)


def is_here(batch: Batch) -> bool:
    """Whether its files lie on this machine."""
    return bool(batch.path) and batch.state in BUILT and Path(batch.path or "").exists()


def here(batch: Batch) -> Batch:
    """The batch itself. Raises NotFound when its files are not on this machine."""
    if not is_here(batch):
        raise NotFound(N_("批次文件不在本机，请先重新生成"))
    return batch


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


def download(number: str, staff: Staff) -> Batch:
    """A batch whose files are sent to this producer now. Logged. Raises NotFound when they are not on this machine."""
    batch_id = here(by_number(number, staff)).id
    with unit_of_work():
        audit.note(staff, "batch.downloaded", f"batch-{batch_id}")
    return by_number(number)


def downloads_of(batch: Batch) -> Sequence[tuple[Audit, str]]:
    """Who downloaded a batch and when, the newest first."""
    query = (
        select(Audit, Staff.name)
        .outerjoin(Staff, Staff.id == Audit.staff_id)
        .where(Audit.subject == f"batch-{batch.id}", Audit.action == "batch.downloaded")
        .order_by(Audit.id.desc())
        .limit(50)
    )
    return [(row, name or "") for row, name in db.session.execute(query)]
