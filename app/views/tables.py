"""Tables for spreadsheets as answers: whole, or streamed while the rows are read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from flask import Response, stream_with_context

from app.export.table import CONTENT_TYPES, as_csv, as_xlsx, harmless

_AMOUNT = re.compile(r"-?[0-9]+\.[0-9]{2}")
"""A sum of money: a number although it may begin with a minus."""


def send_table(stem: str, kind: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A table to be saved as `stem.kind`; `kind` is csv or xlsx."""
    write = as_csv if kind == "csv" else as_xlsx
    return _saved(f"{stem}.{kind}", write(head, rows), CONTENT_TYPES[kind])


def stream_csv(stem: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV sent row by row, with a mark that tells Excel it is UTF-8; a written note cannot become a formula."""

    def text() -> Iterator[str]:
        yield "\ufeff" + csv_line(head)
        for cells in rows:
            yield csv_line(cells)

    return _saved(f"{stem}.csv", stream_with_context(text()), CONTENT_TYPES["csv"])


def csv_line(cells: Sequence[object]) -> str:
    """One row, every cell harmless to a spreadsheet; sums of money stay numbers."""
    file = io.StringIO()
    csv.writer(file).writerow([cell if _AMOUNT.fullmatch(str(cell)) else harmless(cell) for cell in cells])
    return file.getvalue()


def _saved(name: str, content: bytes | Iterator[str], content_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=content_type, headers=headers)
