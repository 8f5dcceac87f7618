"""The manifests: XLSX for people, CSV for machines. All cells are text, so that no number loses a digit."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import xlsxwriter

from app.export.frozen import CHSI, FrozenBatch, FrozenItem
from app.export.paths import code_path, in_order

COLUMNS: tuple[tuple[str, str], ...] = (
    ("序号", "position"),
    ("订单号", "order_number"),
    ("姓名", "name"),
    ("学号", "student_no"),
    ("证件类型", "id_type"),
    ("证件号", "id_no"),
    ("专业/院系", "college"),
    ("班级", "class_name"),
    ("学历", "education_level"),
    ("学历类别", "education_category"),
    ("所在校别", "campus"),
    ("学校", "school_name"),
    ("照片文件", "photo_file"),
    ("采集码文件", "code_file"),
    ("采集码内容(base64)", "code_payload"),
    ("照片SHA256", "rendition_sha256"),
    ("照片规则", "rule"),
    ("审核时间(UTC)", "approved_at"),
)


def rows(batch: FrozenBatch, photos: dict[int, str]) -> list[list[str]]:
    """The table without its head; `photos` gives the picture's path by position."""
    items = batch.items if batch.kind == CHSI else in_order(batch.items)
    return [[_cell(item, name, photos, batch.kind) for _, name in COLUMNS] for item in items]


def _cell(item: FrozenItem, name: str, photos: dict[int, str], kind: str) -> str:
    if name == "photo_file":
        return photos[item.position]
    if name == "code_file":
        return code_path(item) if kind == CHSI else ""  # the pictures of codes go to 学信网 only
    value = getattr(item, name)
    return "" if value is None else str(value)


def as_csv(batch: FrozenBatch, photos: dict[int, str]) -> bytes:
    """UTF-8 with BOM, as spreadsheets expect it; CRLF (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([title for title, _ in COLUMNS])
    writer.writerows(rows(batch, photos))
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(batch: FrozenBatch, photos: dict[int, str]) -> bytes:
    """One sheet of text cells, written row by row; `created` is the frozen time, so every run gives the same file."""
    file = io.BytesIO()
    options = {"constant_memory": True, "strings_to_numbers": False, "strings_to_formulas": False,
               "strings_to_urls": False}  # fmt: skip
    book = xlsxwriter.Workbook(file, options)
    book.set_properties(
        {"created": datetime.fromisoformat(batch.frozen_at).replace(tzinfo=None), "title": batch.number}
    )
    sheet = book.add_worksheet("manifest")
    head, text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
    sheet.set_column(0, len(COLUMNS) - 1, 18, text)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, [title for title, _ in COLUMNS], head)
    for number, row in enumerate(rows(batch, photos), start=1):
        for column, value in enumerate(row):
            sheet.write_string(number, column, value, text)
    book.close()
    return file.getvalue()
