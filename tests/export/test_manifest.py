"""The manifests read back: every digit and every character survives."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import openpyxl

from tests.export.helpers import ID_NOS, NAMES


def test_identity_numbers_and_rare_characters_survive_in_xlsx_and_csv(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        raw = opened.read("manifest.csv")
        book = openpyxl.load_workbook(io.BytesIO(opened.read("manifest.xlsx")))
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [row["姓名"] for row in rows] == list(NAMES)
    assert [row["证件号"] for row in rows] == list(ID_NOS)
    cells = list(book.worksheets[0].iter_rows(values_only=True))
    assert [row[2] for row in cells[1:]] == list(NAMES)
    assert [row[5] for row in cells[1:]] == list(ID_NOS)
    assert all(cell.data_type == "s" for cell in next(book.worksheets[0].iter_rows(min_row=2, max_row=2)) if cell.value)


def test_the_diploma_s_list_is_in_the_order_of_its_folders(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "manifest.csv").read_text("utf-8-sig"))))
    assert [(row["专业/院系"], row["班级"], row["学号"]) for row in rows] == [
        ("文学院", "0班", "20233"), ("文学院", "1班", "20231"), ("文学院", "2班", "20235"),
        ("理学院", "", "20236"), ("理学院", "1班", "20234"), ("理学院", "2班", "20232"),
    ]  # fmt: skip
    assert all((folder / row["照片文件"]).is_file() for row in rows)
    assert "未分班" in rows[3]["照片文件"] and rows[0]["采集码文件"] == ""
    names = [path.name for path in folder.iterdir() if path.is_file()]
    assert sorted(names) == [
        "SHA256SUMS",
        "batch.json",
        "delivery-note.pdf",
        "manifest.csv",
        "manifest.xlsx",
        "verify.html",
    ]
