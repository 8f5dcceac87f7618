"""A table of texts for spreadsheets: CSV and XLSX in which no cell is run, and no number loses a digit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import xlsxwriter

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def harmless(cell: object) -> str:
    """The cell as text; what a spreadsheet would run gets an apostrophe (OWASP, CSV injection)."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with BOM, as spreadsheets expect it; CRLF (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """One sheet of text cells: strings are never formulas, numbers or links. Rows are written as they come."""
    file = io.BytesIO()
    options = {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False,
               "strings_to_urls": False}  # fmt: skip
    book = xlsxwriter.Workbook(file, options)
    sheet = book.add_worksheet()
    bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
    sheet.set_column(0, len(head) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    for column, title in enumerate(head):
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(number, column, cell)
            else:
                sheet.write_string(number, column, str(cell), text)
    book.close()
    return file.getvalue()
