"""Builds a batch from its frozen rows: completely or not at all, and always the same bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from app.export import archive, manifest
from app.export.archive import Member
from app.export.frozen import CHSI, FrozenBatch, FrozenItem, Signer, Sources, canonical
from app.export.page import page
from app.export.paths import code_path, in_order, photo_paths

SUMS, FACTS, PAGE = "SHA256SUMS", "batch.json", "verify.html"

Progress = Callable[[int, int], None]
Read = Callable[[], bytes]


class SourceChanged(Exception):
    """A stored file is not what was frozen; names the order."""

    def __init__(self, number: str) -> None:
        super().__init__(f"the stored photo or code of order {number} is missing or not the one that was frozen")
        self.number = number


def write(batch: FrozenBatch, sources: Sources, signer: Signer, part: Path, progress: Progress) -> str:
    """Write the batch to `part`, a ZIP for 学信网 and a folder for diplomas, synced; `place` puts it where it belongs.

    Returns the SHA-256 of the ZIP, or of the folder's SHA256SUMS. Raises SourceChanged when a stored file is not the
    frozen one.
    """
    remove(part)
    return (_write_zip if batch.kind == CHSI else _write_folder)(batch, sources, signer, part, progress)


def place(part: Path, path: Path) -> None:
    """Put what `write` made in its place; what lay there goes. Nobody ever sees half a batch."""
    if path.is_dir():
        aside = path.with_name(f".{path.name}.old")
        remove(aside)
        os.replace(path, aside)
        os.replace(part, path)
        remove(aside)
    else:
        os.replace(part, path)
    _sync(path.parent)


def remove(path: Path) -> None:
    """Remove a batch's file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_zip(batch: FrozenBatch, sources: Sources, signer: Signer, part: Path, progress: Progress) -> str:
    members = _zip_members(batch, sources, signer)
    digest = hashlib.sha256()
    with part.open("wb") as file:
        for done, piece in enumerate(archive.stream(members)):
            file.write(piece)
            digest.update(piece)
            progress(done, len(members))
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _zip_members(batch: FrozenBatch, sources: Sources, signer: Signer) -> list[Member]:
    """Photos and codes are read when their turn comes; the rest is small and made first."""
    photos = photo_paths(CHSI, batch.items)
    sums: dict[str, str] = {}
    members: list[Member] = []

    def add(name: str, digest: str, read: Read) -> None:
        sums[name] = digest
        members.append((name, read))

    for item in batch.items:
        add(photos[item.position], item.rendition_sha256, _reader(item, sources.rendition, item.rendition_sha256))
        if item.code_sha256:
            add(code_path(item), item.code_sha256, _reader(item, sources.code, item.code_sha256))
    for name, data in _papers(batch, photos, signer):
        add(name, hashlib.sha256(data).hexdigest(), partial(bytes, data))
    text = sums_text(sums)
    return [*members, (SUMS, lambda: text), (FACTS, lambda: facts_text(batch, text, signer))]


def _papers(batch: FrozenBatch, photos: dict[int, str], signer: Signer) -> Iterator[tuple[str, bytes]]:
    """What both kinds carry beside pictures: manifests and the page."""
    yield "manifest.csv", manifest.as_csv(batch, photos)
    yield "manifest.xlsx", manifest.as_xlsx(batch, photos)
    yield PAGE, page(signer.fingerprint)


def _write_folder(batch: FrozenBatch, sources: Sources, signer: Signer, part: Path, progress: Progress) -> str:
    from app.export.delivery_note import (
        delivery_note,  # the web loads no ReportLab, and with it no Pillow, until it prints
    )
    from app.export.sheets import chunks, sheet

    part.mkdir(parents=True)
    ordered, paths = in_order(batch.items), photo_paths(batch.kind, batch.items)
    sums: dict[str, str] = {}

    def put(name: str, data: bytes) -> None:
        target = part / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        sums[name] = hashlib.sha256(data).hexdigest()

    total = 2 * len(ordered)
    for done, item in enumerate(ordered, start=1):
        put(paths[item.position], _reader(item, sources.rendition, item.rendition_sha256)())
        progress(done, total)
    done = len(ordered)
    for number, items in enumerate(chunks(ordered), start=1):
        job = f"{batch.number}-{number:03d}"
        put(f"sheets/{number:03d}.pdf", sheet(batch, items, job, lambda i: (part / paths[i.position]).read_bytes()))
        done += len(items)
        progress(done, total)
    put("delivery-note.pdf", delivery_note(batch, signer.fingerprint))
    for name, data in _papers(batch, paths, signer):
        put(name, data)
    text = sums_text(sums)
    (part / SUMS).write_bytes(text)
    (part / FACTS).write_bytes(facts_text(batch, text, signer))
    sync_all(part)
    return hashlib.sha256(text).hexdigest()


def sync_all(folder: Path) -> None:
    """Everything in the folder is on the disk.

    One `sync` writes all at once, which file by file takes six times as long; what it leaves unsaid, that a file could
    not be written, each file's own `fsync` then tells.
    """
    os.sync()
    for directory, _, names in os.walk(folder):
        for name in names:
            _sync(Path(directory, name))
        _sync(Path(directory))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reader(item: FrozenItem, read: Callable[[FrozenItem], bytes], expected: str) -> Read:
    def reading() -> bytes:
        try:
            data = read(item)
        except FileNotFoundError:
            raise SourceChanged(item.order_number) from None
        if hashlib.sha256(data).hexdigest() != expected:
            raise SourceChanged(item.order_number)
        return data

    return reading


def sums_text(sums: dict[str, str]) -> bytes:
    """SHA256SUMS as `sha256sum -c` reads it, sorted by name."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()


def facts_text(batch: FrozenBatch, sums: bytes, signer: Signer) -> bytes:
    """batch.json: the batch's facts and the hash of SHA256SUMS, signed; both together cover every byte."""
    body = {
        "batch": batch.facts(),
        "sums_sha256": hashlib.sha256(sums).hexdigest(),
        "public_key": base64.b64encode(signer.public_key).decode(),
        "fingerprint": signer.fingerprint,
    }
    signature = base64.b64encode(signer.sign(canonical(body).encode())).decode()
    return canonical(body | {"signature": signature}).encode()
