"""A received ZIP against the one form that its members have: every header byte counts.

A CRC check does not see a changed header. Members are found twice, by walking from header to header and by the
directory at the end, so that one damaged place never hides the rest; then the canonical ZIP is written again from the
members and compared piece by piece. One member is in memory at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO

from app.export import archive

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCAL_CRC, _CENTRAL_CRC = range(14, 18), range(16, 20)
_END_SIZE, _LOCATOR_SIZE, _END64_SIZE = 22, 20, 56
_LONG, _SHORT = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True)
class Entry:
    """One member: where its header is, where its bytes are."""

    name: str
    offset: int
    start: int
    size: int
    stored: bool


class ZipFile:
    """The bytes of a ZIP, read at places; nothing in it is believed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = file.seek(0, 2)

    def at(self, place: int, length: int) -> bytes:
        """Up to `length` bytes from `place`."""
        self._file.seek(max(0, place))
        return self._file.read(max(0, min(length, self.size - place)))

    def read(self, entry: Entry) -> bytes:
        """A member's bytes."""
        return self.at(entry.start, entry.size)

    def walked(self) -> list[Entry]:
        """Members by their own headers, from the start of the file."""
        found: list[Entry] = []
        place = 0
        while (head := self.at(place, 30))[:4] == _LOCAL and len(head) == 30:
            method, size, name_length, more = struct.unpack("<8xH8xI4xHH", head)
            start = place + 30 + name_length + more
            if start + size > self.size:
                break
            found.append(Entry(_text(self.at(place + 30, name_length)), place, start, size, method == 0))
            place = start + size
        return found

    def listed(self) -> list[Entry]:
        """Members by the directory; empty when it cannot be followed."""
        place, end, count = self._directory()
        found: list[Entry] = []
        while place < end and len(found) < count and (head := self.at(place, 46))[:4] == _CENTRAL and len(head) == 46:
            method, size, name_length, more, comment, offset = struct.unpack("<10xH12xIHHH8xI", head)
            name = self.at(place + 46, name_length)
            extra = self.at(place + 46 + name_length, more)
            if offset == _LONG and len(extra) >= 12:
                offset = struct.unpack_from("<Q", extra, 4)[0]
            start = offset + 30 + name_length
            if start + size <= self.size:
                found.append(Entry(_text(name), offset, start, size, method == 0))
            place += 46 + name_length + more + comment
        return found if sum(entry.size for entry in found) <= self.size else []

    def _directory(self) -> tuple[int, int, int]:
        """Start, end and number of entries of the directory; (0, 0, 0) when the ZIP's end is damaged."""
        end = self.size - _END_SIZE
        tail = self.at(end, _END_SIZE)
        if tail[:4] != _END or len(tail) < _END_SIZE:
            return 0, 0, 0
        count, length, start = struct.unpack("<10xHII2x", tail)
        if _LONG in (length, start) or count == _SHORT:
            end -= _LOCATOR_SIZE + _END64_SIZE
            record = self.at(end, _END64_SIZE)
            if len(record) < _END64_SIZE:
                return 0, 0, 0
            count, length, start = struct.unpack("<32xQQQ", record)
        return start, end, count


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def listings(file: ZipFile) -> list[list[Entry]]:
    """The members as they can be understood: once where headers and directory agree, else both ways."""
    walked, listed = file.walked(), file.listed()
    return [one for one in ([walked] if walked == listed else [walked, listed]) if one]


def differences(file: ZipFile, entries: Sequence[Entry], changed: Collection[str]) -> Iterator[str]:
    """Every place where the ZIP is not the canonical one of its members.

    `changed` are members whose bytes are known to differ: their checksums in the headers are not named once more.
    """
    if len({entry.name for entry in entries}) < len(entries):
        yield "the ZIP holds a name twice"
        return
    ordered = sorted(entries, key=lambda entry: entry.name)
    pieces = archive.stream([(entry.name, partial(file.read, entry)) for entry in ordered])
    place = 0
    for entry, piece in zip(ordered, pieces, strict=False):
        header = piece[: len(piece) - entry.size]
        if entry.offset != place:
            yield f"{entry.name}: not at its place (byte {entry.offset}, belongs at {place})"
        skipped = _LOCAL_CRC if entry.name in changed else ()
        for byte in _runs(header, file.at(entry.offset, len(header)), skipped):
            yield f"{entry.name}: its header was changed at byte {entry.offset + byte}"
        place += len(piece)
    yield from _end(file, next(pieces), place, ordered, changed)


def _end(
    file: ZipFile, expected: bytes, place: int, ordered: Sequence[Entry], changed: Collection[str]
) -> Iterator[str]:
    """Differences in directory and end, by entry."""
    at = 0
    for entry in ordered:
        name_length, more = struct.unpack_from("<28xHH", expected, at)
        length = 46 + name_length + more
        skipped = _CENTRAL_CRC if entry.name in changed else ()
        for byte in _runs(expected[at : at + length], file.at(place + at, length), skipped):
            yield f"{entry.name}: its directory entry was changed at byte {place + at + byte}"
        at += length
    for byte in _runs(expected[at:], file.at(place + at, len(expected) - at), ()):
        yield f"the end of the ZIP was changed at byte {place + at + byte}"
    if file.size > place + len(expected):
        yield f"the ZIP holds {file.size - place - len(expected)} bytes too many"


def _runs(expected: bytes, real: bytes, skipped: Collection[int]) -> Iterator[int]:
    """Where each run of differing bytes starts; what is missing at the end differs."""
    if expected == real:
        return
    before = False
    for byte in range(len(expected)):
        differs = byte not in skipped and real[byte : byte + 1] != expected[byte : byte + 1]
        if differs and not before:
            yield byte
        before = differs
