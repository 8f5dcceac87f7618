"""The 学信网 batch: one ZIP of renditions, collection codes, manifests and sums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from app.export import archive
from app.export.archive import Member
from app.export.frozen import CHSI, FrozenBatch, Progress, Signer, Sources
from app.export.papers import FACTS, SUMS, facts_text, papers, sums_text
from app.export.paths import code_path, photo_paths
from app.export.pictures import Picture


def write_zip(batch: FrozenBatch, sources: Sources, signer: Signer, part: Path, progress: Progress) -> str:
    """Write the ZIP to `part`, synced. Returns its SHA-256. Raises SourceChanged."""
    digest, done, total = hashlib.sha256(), 0, 4 * len(batch.items) + 12
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for piece in archive.stream(_members(batch, sources, signer)):
            file.write(piece)
            digest.update(piece)
            done += 1
            progress(done, total)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _members(batch: FrozenBatch, sources: Sources, signer: Signer) -> Iterator[Member]:
    """In the order of their names. Pictures are read when their turn comes; the rest is small and made first."""
    photos = photo_paths(CHSI, batch.items)
    pictures: dict[str, Picture] = {}
    for item in batch.items:
        pictures[photos[item.position]] = Picture(item, sources.rendition, item.rendition_sha256)
        if item.code_sha256:
            pictures[code_path(item)] = Picture(item, sources.code, item.code_sha256)
    small = dict(papers(batch, photos, signer))
    sums = {name: picture.sha256 for name, picture in pictures.items()}
    small[SUMS] = sums_text(sums | {name: hashlib.sha256(data).hexdigest() for name, data in small.items()})
    small[FACTS] = facts_text(batch, small[SUMS], signer)
    for name in sorted([*pictures, *small]):
        yield name, small[name] if name in small else pictures[name].read()
