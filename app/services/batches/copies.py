"""Batches written elsewhere (`--out`): theirs who wrote them. We note where, so that nobody forgets them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from app.extensions import db
from app.models import Audit
from app.services import audit

_WRITTEN = "batch.written_elsewhere"


def note_copy(batch_id: int, path: Path) -> None:
    """Remember that a batch was written to `path`. In a unit."""
    audit.note_id(None, _WRITTEN, f"batch-{batch_id}", str(path.resolve()))


def copies_of(batch_ids: Sequence[int]) -> list[str]:
    """The paths at which these batches were written elsewhere, each once, in order of time.

    Whether they are still there is not asked: a stick that is not plugged in would look as if it had been wiped.
    """
    subjects = [f"batch-{batch_id}" for batch_id in batch_ids]
    query = select(Audit.cause).where(Audit.action == _WRITTEN, Audit.subject.in_(subjects)).order_by(Audit.id)
    return list(dict.fromkeys(path for path in db.session.scalars(query) if path))
