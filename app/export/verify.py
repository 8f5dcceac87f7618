"""Checks a batch without us: each file against SHA256SUMS, that against the signature, a ZIP against its one form."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.export import zipform
from app.export.frozen import canonical
from app.export.papers import FACTS, SUMS

Read = Callable[[str], bytes]
Digest = Callable[[str], str]


@dataclass(frozen=True)
class Verification:
    """What was found. A batch is good when `problems` is empty; `changed` are files whose bytes differ."""

    problems: tuple[str, ...]
    number: str = ""
    kind: str = ""
    count: int = 0
    fingerprint: str = ""
    changed: frozenset[str] = frozenset()


def verify(path: Path, fingerprint: str | None = None) -> Verification:
    """Look at a ZIP or a folder; `fingerprint` is the key that it must be signed with. Never raises for its content."""
    if path.is_dir():
        return _folder(path, fingerprint)
    with path.open("rb") as file:
        return _zip(zipform.ZipFile(file), fingerprint)


def _folder(path: Path, fingerprint: str | None) -> Verification:
    """Files only: what is behind a link may be another tomorrow, and is not what was delivered."""
    below = [file for file in path.rglob("*") if file.is_symlink() or not file.is_dir()]
    own = {file.relative_to(path).as_posix(): file.is_file() and not file.is_symlink() for file in below}
    names = [name for name, is_own in own.items() if is_own]
    found = _content(names, lambda name: (path / name).read_bytes(), lambda name: _sha256(path / name), fingerprint)
    strange = [f"{name}: not a file but a link or a device" for name in sorted(set(own) - set(names))]
    return replace(found, problems=(*found.problems, *strange))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _zip(file: zipform.ZipFile, fingerprint: str | None) -> Verification:
    understood = zipform.listings(file)
    if not understood:
        return Verification(("this is not a ZIP, or its start and its end are damaged",))
    if all(entries and not any(entry.stored for entry in entries) for entries in understood):
        return Verification(("the ZIP was compressed anew: ask for the file as it was delivered",))
    tried = [_members(file, entries, fingerprint) for entries in understood]
    return min(tried, key=lambda found: len(found.problems))


def _members(file: zipform.ZipFile, entries: list[zipform.Entry], fingerprint: str | None) -> Verification:
    by_name = {entry.name: entry for entry in entries}
    found = _content(
        set(by_name), lambda name: file.read(by_name[name]), lambda name: file.sha256(by_name[name]), fingerprint
    )
    form = zipform.differences(file, entries, found.changed)
    return Verification((*found.problems, *form), found.number, found.kind, found.count, found.fingerprint)


def _content(names: Collection[str], read: Read, sha256: Digest, fingerprint: str | None) -> Verification:
    problems = [f"{name}: missing" for name in (SUMS, FACTS) if name not in names]
    if SUMS not in names:
        return Verification(tuple(problems))
    sums = read(SUMS)
    facts: dict[str, Any] = {}
    changed = set()
    if FACTS in names:
        found, facts = _signature(sums, read(FACTS), fingerprint)
        problems += found
        changed = {name for name in (SUMS, FACTS) if any(one.startswith(f"{name}: changed") for one in found)}
    listed = dict(_lines(sums))
    for name, digest in sorted(listed.items()):
        if name not in names:
            problems.append(f"{name}: missing")
        elif sha256(name) != digest:
            problems.append(f"{name}: changed")
            changed.add(name)
    problems += [f"{name}: added" for name in sorted(set(names) - set(listed) - {SUMS, FACTS})]
    batch = facts.get("batch", {})
    return Verification(
        tuple(problems),
        batch.get("number", ""),
        batch.get("kind", ""),
        batch.get("count", 0),
        facts.get("fingerprint", ""),
        frozenset(changed),
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
        if canonical(facts).encode() != text or not _readable(facts):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidSignature, binascii.Error):
        return [f"{FACTS}: changed, or its signature is wrong"], {}
    problems = []
    if hashlib.sha256(key).hexdigest() != facts.get("fingerprint"):
        problems.append(f"{FACTS}: the fingerprint is not its key's")
    if fingerprint and facts.get("fingerprint") != _plain(fingerprint):
        problems.append(f"{FACTS}: signed with another key ({facts.get('fingerprint')})")
    if hashlib.sha256(sums).hexdigest() != facts.get("sums_sha256"):
        problems.append(f"{SUMS}: changed")
    return problems, facts


def _readable(facts: dict[str, Any]) -> bool:
    """Whether the facts have the form of ours: anybody can sign anything with a key of their own."""
    batch = facts["batch"]
    texts = (batch["number"], batch["kind"], facts["fingerprint"])
    return all(isinstance(text, str) for text in texts) and type(batch["count"]) is int


def is_fingerprint(text: str) -> bool:
    """Whether this can be a key's fingerprint: 64 hexadecimal digits, however people typed them."""
    return re.fullmatch(r"[0-9a-f]{64}", _plain(text)) is not None


def _plain(fingerprint: str) -> str:
    """As people type it from paper: with spaces or colons, in capitals."""
    return re.sub(r"[\s:]", "", fingerprint).lower()
