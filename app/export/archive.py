"""The canonical ZIP: stored, sorted names, fixed date and attributes. The same members are always the same bytes.

It is what Python's `zipfile` writes for the same members (a test holds one against the other). Written here, because a
verifier wants to name every byte of a header, and because `zipfile` keeps an object for each of tens of thousands.
The fields are those of PKWARE's APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")

_VERSION, _VERSION64 = 20, 45
_UNIX = 3 << 8
_STORED, _MIDNIGHT, _NEW_YEAR_1980 = 0, 0, 1 << 5 | 1
_UTF8 = 0x800
_MODE = 0o100644 << 16
_LONG, _SHORT = 0xFFFFFFFF, 0xFFFF

MOST_PLAIN = 0x7FFFFFFF
"""A header beyond this byte, as `zipfile` has it, is told in eight bytes (ZIP64)."""

Member = tuple[str, bytes]


def header(name: str, crc: int, size: int) -> bytes:
    """A member's local header; its bytes follow. `size` in bytes, under 4 GiB."""
    raw = name.encode()
    return _LOCAL.pack(b"PK\x03\x04", _VERSION, _flags(name), _STORED, _MIDNIGHT, _NEW_YEAR_1980, crc, size, size,
                       len(raw), 0) + raw  # fmt: skip


def entry(name: str, crc: int, size: int, offset: int) -> bytes:
    """A member's line in the directory; `offset` is where its header starts."""
    raw, more, version, where = name.encode(), b"", _VERSION, offset
    if offset > MOST_PLAIN:
        more, version, where = struct.pack("<HHQ", 1, 8, offset), _VERSION64, _LONG
    return _CENTRAL.pack(b"PK\x01\x02", version | _UNIX, version, _flags(name), _STORED, _MIDNIGHT, _NEW_YEAR_1980,
                         crc, size, size, len(raw), len(more), 0, 0, 0, _MODE, where) + raw + more  # fmt: skip


def end(count: int, size: int, offset: int) -> bytes:
    """The end of a ZIP whose directory has so many entries and bytes and starts at `offset`."""
    long = b""
    if count > _SHORT or offset > MOST_PLAIN or size > MOST_PLAIN:
        long = _END64.pack(b"PK\x06\x06", 44, _VERSION64, _VERSION64, 0, 0, count, count, size, offset)
        long += _LOCATOR.pack(b"PK\x06\x07", 0, offset + size, 1)
    count, size, offset = min(count, _SHORT), min(size, _LONG), min(offset, _LONG)
    return long + _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)


def stream(members: Iterable[Member]) -> Iterator[bytes]:
    """The ZIP piece by piece: header and data of each member, then directory and end.

    Members come in the order of their names, made one after the other: none is held longer than it is given out.
    Raises ValueError for one out of order or with a name that was there before.
    """
    directory, count, place, before = bytearray(), 0, 0, ""
    for name, data in members:
        if name <= before:
            raise ValueError(f"{name} does not come after {before}")
        crc, size = zlib.crc32(data), len(data)
        head = header(name, crc, size)
        directory += entry(name, crc, size, place)
        yield head
        yield data
        count, place, before = count + 1, place + len(head) + size, name
    yield bytes(directory)
    yield end(count, len(directory), place)


def _flags(name: str) -> int:
    return 0 if name.isascii() else _UTF8
