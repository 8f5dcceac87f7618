"""Checks a batch without us: each file against SHA256SUMS, that against the signature, a ZIP against its one form."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.export import archive
from app.export.build import FACTS, SUMS
from app.export.frozen import canonical

LARGEST = 2 * 1024**3
"""Bytes of one member that are looked at: more is no batch of ours."""

Read = Callable[[str], bytes]


@dataclass(frozen=True)
class Verification:
    """What was found. A batch is good when `problems` is empty."""

    problems: tuple[str, ...]
    number: str = ""
    kind: str = ""
    count: int = 0
    fingerprint: str = ""


def verify(path: Path, fingerprint: str | None = None) -> Verification:
    """Look at a ZIP or a folder; `fingerprint` is the key that it must be signed with. Never raises for its content."""
    if path.is_dir():
        names = {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}
        return _content(names, lambda name: (path / name).read_bytes(), fingerprint)
    try:
        with path.open("rb") as file, zipfile.ZipFile(path) as opened:
            return _zip(file, opened, fingerprint)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        return Verification((f"the ZIP cannot be read: {error}",))


def _zip(file: IO[bytes], opened: zipfile.ZipFile, fingerprint: str | None) -> Verification:
    infos = opened.infolist()
    names = {info.filename for info in infos}
    problems = []
    if len(names) != len(infos):
        problems.append("the ZIP holds a name twice")
    if any(info.compress_type != zipfile.ZIP_STORED or info.file_size > LARGEST for info in infos):
        return Verification((*problems, "the ZIP holds a compressed or oversized member; ours never does"))
    damaged: set[str] = set()

    def read(name: str) -> bytes:
        try:
            return opened.read(name)
        except (zipfile.BadZipFile, OSError, ValueError, EOFError, RuntimeError, NotImplementedError):
            damaged.add(name)
            return b""

    found = _content(names, read, fingerprint)
    problems += [problem for problem in found.problems if problem not in problems]
    problems += [f"{name}: its header or data is damaged" for name in sorted(damaged)]
    if not problems:
        place = _first_difference(file, names, read)
        if place is not None:
            problems.append(f"the ZIP's structure was changed at byte {place} ({_where(infos, place)})")
    return Verification(tuple(problems), found.number, found.kind, found.count, found.fingerprint)


def _where(infos: list[zipfile.ZipInfo], place: int) -> str:
    before = [info.filename for info in infos if info.header_offset <= place]
    return f"header of {before[-1]} or the directory at the end" if before else "start"


class _Compare(io.RawIOBase):
    """A file that keeps one member at a time, and compares it with another file when it is complete."""

    def __init__(self, other: IO[bytes]) -> None:
        self._other, self._start, self._window, self._at = other, 0, bytearray(), 0
        self.differs: int | None = None
        other.seek(0)

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._start + self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence != 0 or not self._start <= offset <= self._start + len(self._window):
            raise OSError("outside of the member that is being written")
        self._at = offset - self._start
        return offset

    def write(self, data: Any) -> int:
        self._window[self._at : self._at + len(data)] = data
        self._at += len(data)
        return len(data)

    def release(self) -> None:
        """The member is complete: compare it and let it go."""
        theirs = self._other.read(len(self._window))
        if self.differs is None and theirs != self._window:
            pairs = enumerate(zip(self._window, theirs, strict=False))
            self.differs = self._start + next((i for i, (a, b) in pairs if a != b), len(theirs))
        self._start, self._at = self._start + len(self._window), 0
        self._window.clear()


def _first_difference(file: IO[bytes], names: set[str], read: Read) -> int | None:
    """Where a ZIP leaves the canonical form that its own members give, or None."""
    compare = _Compare(file)
    members = [(name, partial(read, name)) for name in names]
    archive.write(cast(IO[bytes], compare), members, compare.release)
    compare.release()  # the directory at the end
    if compare.differs is None and file.read(1):
        return compare.tell()
    return compare.differs


def _content(names: set[str], read: Read, fingerprint: str | None) -> Verification:
    if SUMS not in names or FACTS not in names:
        missing = [name for name in (SUMS, FACTS) if name not in names]
        return Verification(tuple(f"{name}: missing" for name in missing))
    sums = read(SUMS)
    problems, facts = _signature(sums, read(FACTS), fingerprint)
    listed = dict(_lines(sums))
    if not listed:
        problems.append(f"{SUMS}: cannot be read")
    for name, digest in sorted(listed.items()):
        if name not in names:
            problems.append(f"{name}: missing")
        elif hashlib.sha256(read(name)).hexdigest() != digest:
            problems.append(f"{name}: changed")
    problems += [f"{name}: added" for name in sorted(names - set(listed) - {SUMS, FACTS})]
    batch = facts.get("batch") or {}
    return Verification(
        tuple(problems),
        str(batch.get("number", "")),
        str(batch.get("kind", "")),
        int(batch.get("count", 0)),
        str(facts.get("fingerprint", "")),
    )


def _lines(sums: bytes) -> Iterator[tuple[str, str]]:
    for line in sums.decode("utf-8", "replace").splitlines():
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap == "  " and name:
            yield name, digest


def _signature(sums: bytes, text: bytes, fingerprint: str | None) -> tuple[list[str], dict[str, Any]]:
    try:
        facts = json.loads(text)
        signature = base64.b64decode(facts["signature"], validate=True)
        key = base64.b64decode(facts["public_key"], validate=True)
        body = {name: value for name, value in facts.items() if name != "signature"}
        Ed25519PublicKey.from_public_bytes(key).verify(signature, canonical(body).encode())
        if canonical(facts).encode() != text:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature, binascii.Error):
        return [f"{FACTS}: changed, or its signature is wrong"], {}
    problems = []
    if hashlib.sha256(key).hexdigest() != facts.get("fingerprint"):
        problems.append(f"{FACTS}: the fingerprint is not its key's")
    if fingerprint and facts.get("fingerprint") != fingerprint.strip().lower():
        problems.append(f"{FACTS}: signed with another key ({facts.get('fingerprint')})")
    if hashlib.sha256(sums).hexdigest() != facts.get("sums_sha256"):
        problems.append(f"{SUMS}: changed")
    return problems, facts
