"""Tables for spreadsheets, read back: nothing is run, no character and no digit is lost."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from app.export.table import as_csv, as_xlsx, harmless

RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
HEAD = ["姓名", "说明"]
AWKWARD = ["王𠮷", "〇䶮·", "=1+1", "+86", "-2", "@x", "011010519491231002X", "1e5", "a&b<c>\"d'", "_x0041_", " two ",
           "line\nbreak", "\x0b\x00", "\ufffe", ""]  # fmt: skip


def cells(data: bytes) -> list[list[object]]:
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_no_cell_of_a_csv_starts_a_formula_and_none_is_lost(rows: list[tuple[str, str]]) -> None:
    data = as_csv(HEAD, rows)
    assert data.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert read[0] == HEAD
    for before, after in zip(rows, read[1:], strict=True):
        for cell, shown in zip(before, after, strict=True):
            assert not shown.startswith(RUN)
            assert shown == (f"'{cell}" if cell.startswith(RUN) else cell)


@pytest.mark.parametrize("first", RUN)
def test_what_starts_a_formula_gets_an_apostrophe(first: str) -> None:
    assert harmless(f"{first}1") == f"'{first}1"
    assert harmless(f"1{first}") == f"1{first}"
    assert harmless(-5) == "'-5" and harmless(5) == "5"


def test_a_machine_s_csv_is_as_it_was_entered() -> None:
    assert as_csv(["a"], [["-1"]], guarded=False) == b"\xef\xbb\xbfa\r\n-1\r\n"


def test_every_text_of_a_workbook_is_a_text_and_survives() -> None:
    data = as_xlsx(HEAD, [[text, str(number)] for number, text in enumerate(AWKWARD)])
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    assert (sheet.freeze_panes, sheet.max_row) == ("A2", len(AWKWARD) + 1)
    for text, cell in zip(AWKWARD, [row[0] for row in sheet.iter_rows(min_row=2)], strict=True):
        assert unescape(str(cell.value or "")) == text
        assert text == "" or (cell.data_type, cell.number_format) == ("s", "@")


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(TEXT, st.integers(-(10**9), 10**9)), max_size=4))
def test_a_workbook_holds_any_text_and_whole_numbers(rows: list[tuple[str, int]]) -> None:
    read = cells(as_xlsx(HEAD, rows))
    assert read[0] == HEAD
    shown = [(unescape(str(text or "")), number) for text, number in read[1:]]
    assert shown == [(text, number) for text, number in rows]


def test_with_a_time_of_its_own_a_workbook_is_the_same_bytes() -> None:
    made = [as_xlsx(HEAD, [AWKWARD[:2]] * 1200, created=datetime(2026, 11, 2), title="X001") for _ in range(2)]
    assert made[0] == made[1]
    assert len(cells(made[0])) == 1201
