"""Cells merged downwards: schools write a college or class once beside all its students, and a file holds it once."""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

MOST = 100_000
"""More merged ranges than anybody makes by hand are passed over."""

_RANGE = re.compile(rb'mergeCell [^>]*?ref="([A-Z]{1,3})([0-9]{1,7}):[A-Z]{1,3}([0-9]{1,7})"')
_PORTION = 1 << 20
_OVERLAP = 200

Merged = Mapping[int, Sequence[tuple[int, int]]]
"""By the row in which a range begins: its column, from 0, and its last row; ranges of one row are not in it."""


def ranges(path: Path, member: str) -> Merged:
    """The ranges of a sheet, `member` of the workbook, that reach over several rows."""
    found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    with zipfile.ZipFile(path) as opened, opened.open(member.lstrip("/")) as sheet:
        for column, first, last in set(_stated(iter(lambda: sheet.read(_PORTION), b""))):
            if last > first:
                found[first].append((column, last))
    return found


def _stated(portions: Iterable[bytes]) -> Iterator[tuple[int, int, int]]:
    """Column, first and last row of each range; one in the overlap of two portions comes twice."""
    rest, count = b"", 0
    for portion in portions:
        text = rest + portion
        for column, first, last in _RANGE.findall(text):
            count += 1
            if count > MOST:
                return
            yield _index(column), int(first), int(last)
        rest = portion[-_OVERLAP:]


def _index(letters: bytes) -> int:
    """The column `A` is 0, `AA` 26."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def filled(rows: Iterable[list[str]], merged: Merged) -> Iterator[list[str]]:
    """The rows, with what stands in the first row of a range also in its others; empty rows stay empty."""
    held: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(rows, start=1):
        if held and any(row):
            held = {column: (last, text) for column, (last, text) in held.items() if last >= number}
            row = [cell or held.get(column, (0, ""))[1] for column, cell in enumerate(row)]
        for column, last in merged.get(number, ()):
            if column < len(row) and row[column]:
                held[column] = (last, row[column])
        yield row
