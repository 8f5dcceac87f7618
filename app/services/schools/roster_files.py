"""Reading a roster file row by row: XLSX or CSV as schools send them. Hostile files are refused with a sentence."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.rules.faults import Invalid
from app.rules.text import N_
from app.services.schools import merged_cells

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "student_no": ("学号", "student_no", "student no", "student number", "xh"),
    "name": ("姓名", "name", "xm"),
    "college": ("学院", "院系", "专业/院系", "系所", "分院", "college", "department", "fy", "yx"),
    "class_name": ("班级", "行政班", "行政班级", "班号", "class", "class_name", "bh"),
    "contact": ("邮箱", "电子邮箱", "电子邮件", "email", "e-mail"),
}
"""By field, the headings under which schools write it."""

_OTHERS = re.compile("辅导员|班主任|导师|老师|教师|家长|父|母|联系人|代码|编号")
"""Whose name, or what number, a heading means that is not the student's own."""

LARGEST = 20 * 1024 * 1024
LARGEST_UNPACKED = 300 * 1024 * 1024
MOST_ROWS = 200_000
MOST_COLUMNS = 60
HEAD_WITHIN = 10
SAMPLE = 8

_OLE = bytes.fromhex("d0cf11e0")
_DOCTYPE = tuple("!DOCTYPE".encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))
_EXACT = 10**15
"""Spreadsheets keep 15 digits of a number; longer ones have lost some."""


@dataclass(frozen=True)
class Head:
    """What the first rows say: where the head is, the head with some rows, and which column holds which field."""

    row: int
    sample: list[list[str]]
    columns: dict[str, int]


def read_rows(path: Path) -> Iterator[list[str]]:
    """The cells of a list, row by row. Raises Invalid for a file that cannot or must not be read."""
    if path.stat().st_size > LARGEST:
        raise Invalid(N_("名单文件太大，请拆分后导入"))
    with path.open("rb") as file:
        start = file.read(4)
    if start == _OLE:
        raise Invalid(N_("这是旧版 XLS 或加密的文件，请另存为不加密的 XLSX 或 CSV"))
    rows = _xlsx(path) if start[:2] == b"PK" else _csv(path.read_bytes())
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS:
            raise Invalid(N_("名单超过 %(n)s 行，请拆分后导入"), n=MOST_ROWS)
        yield row


def _csv(data: bytes) -> Iterator[list[str]]:
    text = _decoded(data)
    head = text.partition("\n")[0]
    separator = max(",\t;", key=head.count)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            yield [cell.strip() for cell in row[:MOST_COLUMNS]]
    except csv.Error:
        raise Invalid(N_("这个 CSV 文件无法读取，请重新导出")) from None


def _decoded(data: bytes) -> str:
    if b"\0" not in data:
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise Invalid(N_("名单文件的编码无法识别，请另存为 UTF-8 的 CSV"))


def _xlsx(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    broken = Invalid(N_("这个 XLSX 文件无法读取，请另存为 CSV 后重试"))
    _not_a_bomb(path)
    with path.open("rb") as file:  # by its content: openpyxl judges a path by its suffix
        try:
            book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS)
            merged = merged_cells.ranges(path, sheet._worksheet_path)
        except Exception:
            raise broken from None
        yield from merged_cells.filled(_texts(rows, broken), merged)


def _texts(rows: Iterator[Sequence[Any]], broken: Invalid) -> Iterator[list[str]]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception:
            raise broken from None
        yield [_text(cell) for cell in row]


def _not_a_bomb(path: Path) -> None:
    """Refuse what unpacks to more than its size allows. zipfile reads no more of a member than the archive states."""
    try:
        with zipfile.ZipFile(path) as opened:
            unpacked = sum(info.file_size for info in opened.infolist())
            sheets = [info for info in opened.infolist() if info.filename.startswith("xl/worksheets/")]
            if unpacked <= LARGEST_UNPACKED and any(_declares(opened, info) for info in opened.infolist()):
                raise zipfile.BadZipFile
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError):
        raise Invalid(N_("这个 XLSX 文件无法读取，请另存为 CSV 后重试")) from None
    if unpacked > LARGEST_UNPACKED:
        raise Invalid(N_("这个 XLSX 文件解压后过大，请另存为 CSV 后重试"))
    if not sheets:
        raise Invalid(N_("这不是表格文件，请使用 XLSX 或 CSV"))


def _declares(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a member declares a document type: no spreadsheet program does, and entities grow without bound."""
    with opened.open(info) as member:
        rest = b""
        while portion := member.read(1 << 20):
            found = rest + portion
            if any(mark in found for mark in _DOCTYPE):
                return True
            rest = portion[-20:]
    return False


def _text(cell: Any) -> str:
    """A cell as text. A formula begins with `=`; a number that has lost digits shows as `1.2E+17`."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool) and abs(cell) >= _EXACT:
        return f"{cell:.2E}"
    if type(cell).__name__ in ("ArrayFormula", "DataTableFormula"):
        return "="
    return str(cell).strip()


def look(rows: Iterable[Sequence[str]]) -> Head:
    """Find the head within the first rows: the one that names a student number, else the first that is not empty.

    Raises Invalid for a file without rows.
    """
    first: list[list[str]] = []
    for row in rows:
        first.append(list(row))
        if len(first) >= HEAD_WITHIN + SAMPLE:
            break
    filled = [at for at, row in enumerate(first) if any(row)]
    if not filled:
        raise Invalid(N_("名单是空的"))
    at = next((at for at in filled[:HEAD_WITHIN] if "student_no" in matched(first[at])), filled[0])
    return Head(at + 1, first[at : at + 1 + SAMPLE], matched(first[at]))


def matched(head: Sequence[str]) -> dict[str, int]:
    """Which column holds which field, by its heading: word for word, else the one heading that has the word in it."""
    plain = [_plain(cell) for cell in head]
    found = {
        name: next(plain.index(title) for title in map(_plain, titles) if title in plain)
        for name, titles in COLUMNS.items()
        if any(_plain(title) in plain for title in titles)
    }
    for name in COLUMNS.keys() - found.keys():
        free = [at for at, cell in enumerate(plain) if at not in found.values() and _speaks_of(cell, name)]
        if len(free) == 1:
            found[name] = free[0]
    return found


def _plain(heading: str) -> str:
    """`* 姓 名（必填）` is written in a hundred ways; what stands in brackets is an explanation."""
    text = unicodedata.normalize("NFKC", heading).lower()
    return re.sub(r"[\s*:_-]+", "", re.sub(r"\(.*?\)", "", text))


def _speaks_of(heading: str, name: str) -> bool:
    """Whether a heading has a field's Chinese word in it, and is not about somebody else."""
    words = [title for title in COLUMNS[name] if len(title) > 1 and not title.isascii()]
    return any(word in heading for word in words) and not _OTHERS.search(heading)
