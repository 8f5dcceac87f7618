"""The canonical ZIP: stored, sorted names, fixed date and attributes. The same members are always the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, cast

_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3

Member = tuple[str, Callable[[], bytes]]


def stream(members: Iterable[Member]) -> Iterator[bytes]:
    """The ZIP piece by piece: header and data of each member in the order of their names, then the directory.

    Each member is read, given out and forgotten, so memory stays flat whatever the size.
    """
    window = _Window()
    with zipfile.ZipFile(cast(IO[bytes], window), "w", zipfile.ZIP_STORED, allowZip64=True) as made:
        for name, read in sorted(members, key=lambda member: member[0]):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr = _UNIX, _MODE
            made.writestr(entry, read())
            yield window.take()
    yield window.take()


class _Window(io.RawIOBase):
    """A file that holds only what was written since it was last taken: all that the writer goes back to."""

    def __init__(self) -> None:
        self._start, self._held, self._at = 0, bytearray(), 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._start + self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence != 0 or not self._start <= offset <= self._start + len(self._held):
            raise OSError("outside of the member that is being written")
        self._at = offset - self._start
        return offset

    def write(self, data: Any) -> int:
        self._held[self._at : self._at + len(data)] = data
        self._at += len(data)
        return len(data)

    def take(self) -> bytes:
        """What was written; it is not touched again."""
        taken = bytes(self._held)
        self._start, self._at = self._start + len(taken), 0
        self._held.clear()
        return taken
