"""A received ZIP against the one form that its members have: every header byte counts.

A CRC check does not see a changed header. Members are found twice, by walking from header to header and by the
directory at the end, so that one damaged place never hides the rest; then every header, directory entry and the end are
made again from the members and compared. Each member is read once, in pieces.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from app.export import archive

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCAL_CRC, _CENTRAL_CRC = range(14, 18), range(16, 20)
_END_SIZE, _LOCATOR_SIZE, _END64_SIZE = 22, 20, 56
_LONG, _SHORT = 0xFFFFFFFF, 0xFFFF
_PIECE, _HEAD = 1 << 20, 300
"""Bytes that are read at once: of a member's data, and of a header with its name."""

_LONGEST_NAME = 20_000
"""Characters: what is no UTF-8 grows threefold when it is written again, and a header holds 65,535 bytes."""


@dataclass(frozen=True, slots=True)
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
        self._handle = file.fileno()
        self.size = os.fstat(self._handle).st_size
        self._crcs: dict[Entry, int] = {}

    def at(self, place: int, length: int) -> bytes:
        """Up to `length` bytes from `place`."""
        wanted = min(length, self.size - place)
        return os.pread(self._handle, wanted, place) if place >= 0 and wanted > 0 else b""

    def read(self, entry: Entry) -> bytes:
        """A member's bytes."""
        return self.at(entry.start, entry.size)

    def sha256(self, entry: Entry) -> str:
        """A member's hash; its CRC is taken in the same reading."""
        hashed, crc = hashlib.sha256(), 0
        for place in range(entry.start, entry.start + entry.size, _PIECE):
            piece = self.at(place, min(_PIECE, entry.start + entry.size - place))
            hashed.update(piece)
            crc = zlib.crc32(piece, crc)
        self._crcs[entry] = crc
        return hashed.hexdigest()

    def crc(self, entry: Entry) -> int:
        """A member's checksum as its headers should have it."""
        if entry not in self._crcs:
            self.sha256(entry)
        return self._crcs[entry]

    def walked(self) -> list[Entry]:
        """Members by their own headers, from the start of the file."""
        found: list[Entry] = []
        place = 0
        while (head := self.at(place, _HEAD))[:4] == _LOCAL and len(head) >= 30:
            method, size, name_length, more = struct.unpack_from("<8xH8xI4xHH", head)
            if name_length > _HEAD - 30:
                head += self.at(place + _HEAD, name_length)
            start = place + 30 + name_length + more
            if start + size > self.size:
                break
            found.append(Entry(_text(head[30 : 30 + name_length]), place, start, size, method == 0))
            place = start + size
        return found

    def listed(self) -> list[Entry]:
        """Members by the directory; empty when it cannot be followed."""
        place, end, count = self._directory()
        found: list[Entry] = []
        while place < end and len(found) < count:
            head = self.at(place, _HEAD)
            if head[:4] != _CENTRAL or len(head) < 46:
                break
            method, size, name_length, more, comment, offset = struct.unpack_from("<10xH12xIHHH8xI", head)
            if name_length + more > _HEAD - 46:
                head += self.at(place + _HEAD, name_length + more)
            name, extra = head[46 : 46 + name_length], head[46 + name_length : 46 + name_length + more]
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
    return name.decode("utf-8", "replace")[:_LONGEST_NAME]


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
    place, directory = 0, list[tuple[Entry, bytes]]()
    for entry in sorted(entries, key=lambda entry: entry.name):
        crc = file.crc(entry)
        header = archive.header(entry.name, crc, entry.size)
        if entry.offset != place:
            yield f"{entry.name}: not at its place (byte {entry.offset}, belongs at {place})"
        skipped = _LOCAL_CRC if entry.name in changed else ()
        for byte in _runs(header, file.at(entry.offset, len(header)), skipped):
            yield f"{entry.name}: its header was changed at byte {entry.offset + byte}"
        directory.append((entry, archive.entry(entry.name, crc, entry.size, place)))
        place += len(header) + entry.size
    yield from _end(file, place, directory, changed)


def _end(file: ZipFile, start: int, directory: list[tuple[Entry, bytes]], changed: Collection[str]) -> Iterator[str]:
    """Differences in directory and end, by entry; `start` is where the directory belongs."""
    place = start
    for entry, line in directory:
        skipped = _CENTRAL_CRC if entry.name in changed else ()
        for byte in _runs(line, file.at(place, len(line)), skipped):
            yield f"{entry.name}: its directory entry was changed at byte {place + byte}"
        place += len(line)
    end = archive.end(len(directory), place - start, start)
    for byte in _runs(end, file.at(place, len(end)), ()):
        yield f"the end of the ZIP was changed at byte {place + byte}"
    if file.size > place + len(end):
        yield f"the ZIP holds {file.size - place - len(end)} bytes too many"


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
