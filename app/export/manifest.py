"""The manifests: XLSX for people, CSV for machines. All cells are text, so that no number loses a digit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from app.export import table
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

_HEAD = [title for title, _ in COLUMNS]


def rows(batch: FrozenBatch, photos: Mapping[int, str]) -> Iterator[list[str]]:
    """The table without its head, row by row; `photos` gives the picture's path by position."""
    for item in batch.items if batch.kind == CHSI else in_order(batch.items):
        yield [_cell(item, name, photos, batch.kind) for _, name in COLUMNS]


def _cell(item: FrozenItem, name: str, photos: Mapping[int, str], kind: str) -> str:
    if name == "photo_file":
        return photos[item.position]
    if name == "code_file":
        return code_path(item) if kind == CHSI else ""  # the pictures of codes go to 学信网 only
    value = getattr(item, name)
    return "" if value is None else str(value)


def as_csv(batch: FrozenBatch, photos: Mapping[int, str]) -> bytes:
    """For machines: nothing is put before a cell, the form has refused what a spreadsheet would run."""
    return table.as_csv(_HEAD, rows(batch, photos), guarded=False)


def as_xlsx(batch: FrozenBatch, photos: Mapping[int, str]) -> bytes:
    """For people; `created` is the frozen time, so every run gives the same file."""
    created = datetime.fromisoformat(batch.frozen_at).replace(tzinfo=None)
    return table.as_xlsx(_HEAD, rows(batch, photos), created=created, title=batch.number)
