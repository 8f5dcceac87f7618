"""The diploma batch: a folder of renditions by college and class, sheets for the press, the delivery note."""

from __future__ import annotations

import hashlib
from pathlib import Path

from app.export.durable import Tree
from app.export.frozen import FrozenBatch, Progress, Signer, Sources
from app.export.papers import FACTS, SUMS, facts_text, papers, sums_text
from app.export.paths import in_order, photo_paths
from app.export.pictures import Picture
from app.export.press import Press, chunks


def write_folder(batch: FrozenBatch, sources: Sources, signer: Signer, part: Path, progress: Progress) -> str:
    """Write the folder to `part`, synced. Returns the SHA-256 of its SHA256SUMS. Raises SourceChanged."""
    part.mkdir(parents=True, mode=0o700)
    with Tree(part) as tree:
        sums = _write(batch, sources, signer, part, progress)
        text = sums_text(sums)
        (part / SUMS).write_bytes(text)
        (part / FACTS).write_bytes(facts_text(batch, text, signer))
        tree.sync()
    return hashlib.sha256(text).hexdigest()


def _write(batch: FrozenBatch, sources: Sources, signer: Signer, part: Path, progress: Progress) -> dict[str, str]:
    """All but sums and facts; the hash of each file by its name. Sheets are printed while the rest is written."""
    ordered, paths = in_order(batch.items), photo_paths(batch.kind, batch.items)
    sums, done, total = dict[str, str](), 0, 2 * len(ordered)
    folders = set[Path]()
    (part / "sheets").mkdir()
    with Press(batch, part) as press:
        for items in chunks(ordered):
            for item in items:
                name = paths[item.position]
                target = part / name
                if target.parent not in folders:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    folders.add(target.parent)
                target.write_bytes(Picture(item, sources.rendition, item.rendition_sha256).read())
                sums[name] = item.rendition_sha256
                done += 1
                progress(done, total)
            press.sheet(items, [paths[item.position] for item in items])
        press.note(signer.fingerprint)
        for name, data in papers(batch, paths, signer):
            (part / name).write_bytes(data)
            sums[name] = hashlib.sha256(data).hexdigest()
        for count, name, digest in press.finished():
            sums[name] = digest
            done += count
            progress(done, total)
    return sums
