"""Builds a batch from its frozen rows: completely or not at all, and always the same bytes."""

from __future__ import annotations

from pathlib import Path

from app.export.chsi import write_zip
from app.export.diploma import write_folder
from app.export.durable import remove
from app.export.frozen import CHSI, FrozenBatch, Progress, Signer, Sources


def write(batch: FrozenBatch, sources: Sources, signer: Signer, part: Path, progress: Progress) -> str:
    """Write the batch to `part`, a ZIP for 学信网 and a folder for diplomas, synced; `place` puts it where it belongs.

    Returns the SHA-256 of the ZIP, or of the folder's SHA256SUMS. Raises SourceChanged when a stored file is not the
    frozen one.
    """
    remove(part)
    return (write_zip if batch.kind == CHSI else write_folder)(batch, sources, signer, part, progress)
