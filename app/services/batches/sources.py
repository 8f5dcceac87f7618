"""What a frozen batch is built from: its rows, and where their pictures lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.adapters.storage import storage
from app.export.frozen import FrozenBatch, FrozenItem
from app.extensions import db
from app.models import Batch, BatchItem, CodeImage, Photo
from app.rules.faults import ActionNotAllowed
from app.rules.text import N_
from app.services.batches.freezing import frozen_batch

PURGED = N_("保留期已过，批次不能再生成")


class StoredSources:
    """Renditions and codes from the running app's storage, by position: their keys."""

    def __init__(self) -> None:
        self.renditions: dict[int, str] = {}
        self.codes: dict[int, str] = {}
        self._get = storage().get

    def rendition(self, item: FrozenItem) -> bytes:
        """The stored JPEG. Raises FileNotFoundError."""
        return self._read(self.renditions, item)

    def code(self, item: FrozenItem) -> bytes:
        """The stored picture of the code. Raises FileNotFoundError."""
        return self._read(self.codes, item)

    def _read(self, keys: dict[int, str], item: FrozenItem) -> bytes:
        key = keys.get(item.position)
        if not key:
            raise FileNotFoundError(item.order_number)
        return self._get(key)


@dataclass(frozen=True)
class Listed:
    """What is in a batch: ids of its rows, the frozen rows as the writers take them, and where their pictures lie."""

    ids: set[int]
    batch: FrozenBatch
    sources: StoredSources


def listed(batch: Batch) -> Listed:
    """Read in portions: a row of the database is ten times as large as what is kept of it."""
    ids, items, sources = set[int](), list[FrozenItem](), StoredSources()
    query = (
        select(BatchItem.id, BatchItem.order_id, BatchItem.frozen, Photo.rendition_key)
        .join(Photo, Photo.id == BatchItem.photo_id)
        .where(BatchItem.batch_id == batch.id, BatchItem.released_at.is_(None))
        .order_by(BatchItem.position)
        .execution_options(yield_per=500)
    )
    for rows in db.session.execute(query).partitions():
        codes = _code_keys([row.order_id for row in rows])
        for row in rows:
            if not row.frozen:
                raise ActionNotAllowed(PURGED)
            item = FrozenItem.from_json(row.frozen)
            ids.add(row.id)
            items.append(item)
            sources.renditions[item.position] = row.rendition_key or ""
            sources.codes[item.position] = codes.get((row.order_id, item.code_sha256 or ""), "")
    return Listed(ids, frozen_batch(batch, items), sources)


def _code_keys(order_ids: Sequence[int]) -> dict[tuple[int, str], str]:
    """Keys of the orders' collection codes, by order and hash."""
    query = select(CodeImage.order_id, CodeImage.sha256, CodeImage.key).where(CodeImage.order_id.in_(order_ids))
    return {(order_id, sha256): key for order_id, sha256, key in db.session.execute(query)}
