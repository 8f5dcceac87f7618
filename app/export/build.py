"""Builds a batch from its frozen rows: completely or not at all, and always the same bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from natsort import natsorted

from app.export import archive, manifest
from app.export.delivery_note import delivery_note
from app.export.frozen import NO_CLASS, FrozenBatch, FrozenItem, Signer, Sources, canonical
from app.export.naming import distinct, safe
from app.export.sheets import chunks, sheet

SUMS, FACTS, PAGE = "SHA256SUMS", "batch.json", "verify.html"
_PAGE_FILE = Path(__file__).parent / "page" / "verify.html"

Progress = Callable[[int, int], None]
Read = Callable[[], bytes]


class SourceChanged(Exception):
    """A stored file is not what was frozen; names the order."""

    def __init__(self, number: str) -> None:
        super().__init__(f"the stored photo or code of order {number} is missing or not the one that was frozen")
        self.number = number


def build_chsi(batch: FrozenBatch, sources: Sources, signer: Signer, path: Path, progress: Progress) -> str:
    """Write the 学信网 ZIP to `path`; returns its SHA-256. Memory stays flat: photos go through one at a time.

    Raises SourceChanged when a stored file is not the frozen one; then nothing is written.
    """
    paths = {item.position: _chsi_paths(item) for item in batch.items}
    sums: dict[str, str] = {}
    members: list[tuple[str, Read]] = []
    for item in batch.items:
        photo, code = paths[item.position]
        sums[photo] = item.rendition_sha256
        members.append((photo, _reader(item, sources.rendition, item.rendition_sha256)))
        if code:
            sums[code] = item.code_sha256 or ""
            members.append((code, _reader(item, sources.code, item.code_sha256 or "")))
    _add(members, sums, "manifest.csv", manifest.as_csv(batch, paths))
    _add(members, sums, "manifest.xlsx", manifest.as_xlsx(batch, paths))
    _add(members, sums, PAGE, page())
    text = sums_text(sums)
    members += [(SUMS, lambda: text), (FACTS, lambda: facts_text(batch, text, signer))]
    part = path.with_name(path.name + ".part")
    done = iter(range(1, len(members) + 1))

    def told(read: Read) -> Read:
        def reading() -> bytes:
            data = read()
            progress(next(done), len(members))
            return data

        return reading

    with part.open("w+b") as file:
        archive.write(file, [(name, told(read)) for name, read in members])
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    os.replace(part, path)
    return digest


def build_diploma(batch: FrozenBatch, sources: Sources, signer: Signer, folder: Path, progress: Progress) -> str:
    """Write the diploma folder; returns the SHA-256 of its SHA256SUMS. Raises SourceChanged as `build_chsi` does."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    ordered = in_order(batch.items)
    paths = _diploma_paths(ordered)
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
    for number, items in enumerate(chunks(ordered), start=1):
        job = f"{batch.number}-{number:03d}"
        put(f"sheets/{number:03d}.pdf", sheet(batch, items, job, lambda i: (part / paths[i.position]).read_bytes()))
        progress(len(ordered) + min(len(ordered), number * 500), total)
    put("delivery-note.pdf", delivery_note(batch, signer.fingerprint))
    put("manifest.csv", manifest.as_csv(batch, {item.position: (paths[item.position], "") for item in ordered}))
    put(PAGE, page())
    text = sums_text(sums)
    (part / SUMS).write_bytes(text)
    (part / FACTS).write_bytes(facts_text(batch, text, signer))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(part, folder)
    return hashlib.sha256(text).hexdigest()


def in_order(items: tuple[FrozenItem, ...]) -> list[FrozenItem]:
    """By college and class, within a class in natural order of the student number."""
    return natsorted(items, key=lambda item: (item.college, item.class_name, item.student_no, item.position))


def _chsi_paths(item: FrozenItem) -> tuple[str, str]:
    code = f"codes/{item.file_name}.{item.code_suffix}" if item.code_sha256 else ""
    return f"photos/{item.file_name}.jpg", code


def _diploma_paths(items: list[FrozenItem]) -> dict[int, str]:
    stems = [
        f"{safe(item.college or NO_CLASS)}/{safe(item.class_name or NO_CLASS)}/{safe(f'{item.student_no}_{item.name}')}"
        for item in items
    ]
    return {item.position: f"{stem}.jpg" for item, stem in zip(items, distinct(stems), strict=True)}


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


def _add(members: list[tuple[str, Read]], sums: dict[str, str], name: str, data: bytes) -> None:
    members.append((name, lambda: data))
    sums[name] = hashlib.sha256(data).hexdigest()


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


def page() -> bytes:
    """The page with which a receiver checks a batch offline in a browser."""
    return _PAGE_FILE.read_bytes()
