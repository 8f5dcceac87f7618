"""Rosters: the expected students of a campaign, where the school hands them out."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import ParseError

from sqlalchemy import select

from app.extensions import db
from app.models import Campaign, RosterEntry
from app.rules.faults import Invalid, NotFound
from app.rules.fields import clean
from app.rules.text import N_
from app.services.unit import unit_of_work

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "student_no": ("学号", "student_no", "student number", "xh"),
    "name": ("姓名", "name", "xm"),
    "college": ("院系", "学院", "专业/院系", "专业", "college", "yx"),
    "class_name": ("班级", "class", "class_name", "班号", "bh"),
    "contact": ("联系方式", "邮箱", "电话", "contact", "email"),
}
"""By field, the headings under which schools write it."""

LARGEST = 20 * 1024 * 1024
MOST_ROWS = 200_000


@dataclass
class Result:
    """What an import did, or would do. `problems` are row numbers as a spreadsheet counts, with a sentence."""

    added: int = 0
    changed: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def entry(campaign_id: int, student_no: str) -> RosterEntry | None:
    """The expected student with this number."""
    return db.session.scalar(
        select(RosterEntry).where(RosterEntry.campaign_id == campaign_id, RosterEntry.student_no == student_no)
    )


def mismatch(campaign_id: int, values: Mapping[str, str]) -> str:
    """A sentence when the form and the roster disagree, else nothing. It warns and never blocks."""
    number = values.get("student_no", "")
    if not number or db.session.scalar(select(RosterEntry.id).where(RosterEntry.campaign_id == campaign_id)) is None:
        return ""
    found = entry(campaign_id, number)
    if found is None:
        return N_("学校名单中没有这个学号，请核对；确认无误可以继续")
    if values.get("name") and found.name != values["name"]:
        return N_("姓名与学校名单中该学号的姓名不一致，请核对；确认无误可以继续")
    return ""


def import_file(code: str, path: Path, *, dry_run: bool = False) -> Result:
    """Import an XLSX or CSV list into a campaign; matched by student number, again updates.

    Raises NotFound for an unknown campaign, Invalid for a file without the needed columns.
    """
    campaign = db.session.scalar(select(Campaign).where(Campaign.code == code))
    if campaign is None:
        raise NotFound(N_("没有这个批次"))
    if path.stat().st_size > LARGEST:
        raise Invalid(N_("名单文件太大，请拆分后导入"))
    return import_rows(campaign.id, list(read_rows(path.read_bytes())), dry_run=dry_run)


def read_rows(data: bytes) -> Iterator[list[str]]:
    """The cells of a list, row by row. Raises Invalid for a file that is neither XLSX nor CSV text."""
    if data[:2] == b"PK":
        try:
            yield from _xlsx(data)
        except (zipfile.BadZipFile, KeyError, ParseError, ValueError, IndexError):
            raise Invalid(N_("这个 XLSX 文件无法读取，请另存为 CSV 后重试")) from None
        return
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        yield from csv.reader(io.StringIO(text))
        return
    raise Invalid(N_("名单文件的编码无法识别，请另存为 UTF-8 的 CSV"))


def _xlsx(data: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    for row in book.worksheets[0].iter_rows(values_only=True):
        yield ["" if cell is None else str(int(cell)) if isinstance(cell, float) else str(cell) for cell in row]
    book.close()


def matched(head: Sequence[str]) -> dict[str, int]:
    """Which column holds which field, by its heading. Raises Invalid without number and name."""
    plain = [cell.strip().lower().strip("*") for cell in head]
    found = {
        name: next(plain.index(title) for title in titles if title in plain)
        for name, titles in COLUMNS.items()
        if any(title in plain for title in titles)
    }
    if not {"student_no", "name"} <= set(found):
        raise Invalid(N_("第一行需要有“学号”和“姓名”两列"))
    return found


def import_rows(campaign_id: int, rows: Sequence[Sequence[str]], *, dry_run: bool = False) -> Result:
    """Take rows with a head. Every row's problem is listed; good rows are kept all the same."""
    if not rows or len(rows) > MOST_ROWS:
        raise Invalid(N_("名单是空的或行数过多"))
    columns, result = matched(rows[0]), Result()
    seen: set[str] = set()
    with unit_of_work():
        have = {
            row.student_no: row
            for row in db.session.scalars(select(RosterEntry).where(RosterEntry.campaign_id == campaign_id))
        }
        for number, row in enumerate(rows[1:], start=2):
            values = {name: clean(name, row[at]) if at < len(row) else "" for name, at in columns.items()}
            if not any(values.values()):
                continue
            problem = _problem(values, seen)
            if problem:
                result.problems.append((number, problem))
                continue
            seen.add(values["student_no"])
            _keep(campaign_id, values, have.get(values["student_no"]), result, dry_run=dry_run)
    return result


def _problem(values: Mapping[str, str], seen: set[str]) -> str:
    if not values["student_no"] or not values["name"]:
        return N_("缺少学号或姓名")
    if values["student_no"] in seen:
        return N_("学号重复")
    if any(text.startswith(("=", "+", "-", "@")) for text in values.values()):
        return N_("不能以 = + - @ 开头")
    return N_("内容太长，请缩短") if any(len(text) > 100 for text in values.values()) else ""


def _keep(campaign_id: int, values: dict[str, str], old: RosterEntry | None, result: Result, *, dry_run: bool) -> None:
    if old is None:
        result.added += 1
        if not dry_run:
            db.session.add(RosterEntry(campaign_id=campaign_id, **values))
        return
    changes = {name: value for name, value in values.items() if getattr(old, name) != value}
    result.changed += bool(changes)
    if not dry_run:
        for name, value in changes.items():
            setattr(old, name, value)
