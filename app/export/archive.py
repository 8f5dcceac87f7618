"""The canonical ZIP: stored, sorted names, fixed date and attributes. The same members are always the same bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from typing import IO

_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_UNIX = 3


def write(
    file: IO[bytes], members: Iterable[tuple[str, Callable[[], bytes]]], after: Callable[[], object] = lambda: None
) -> None:
    """Write members in the order of their names; each is read, written and forgotten, so memory stays flat.

    `after` is called when a member is complete: nothing before that point is touched again.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as made:
        for name, read in sorted(members, key=lambda member: member[0]):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr = _UNIX, _MODE
            made.writestr(entry, read())
            after()
