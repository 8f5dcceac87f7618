"""Rosters: the expected students of a campaign, where the school hands them out. Matched by student number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from app.extensions import db
from app.models import Campaign, RosterEntry, Staff
from app.rules.faults import Invalid, NotFound
from app.rules.fields import check_field, clean
from app.rules.text import N_
from app.services import audit
from app.services.schools.roster_files import COLUMNS, look, read_rows
from app.services.unit import unit_of_work

_CHUNK = 1000
_LOST_DIGITS = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@")

Progress = Callable[[int], object]


@dataclass
class Result:
    """What an import did, or would do. `problems` are row numbers as a spreadsheet counts, with a sentence."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


def entry(campaign_id: int, student_no: str) -> RosterEntry | None:
    """The expected student with this number."""
    return db.session.scalar(
        select(RosterEntry).where(RosterEntry.campaign_id == campaign_id, RosterEntry.student_no == student_no)
    )


def size(campaign_id: int) -> int:
    """How many students are expected."""
    return db.session.scalar(select(func.count()).where(RosterEntry.campaign_id == campaign_id)) or 0


def mismatch(campaign_id: int, values: Mapping[str, str]) -> str:
    """A sentence when the form and the roster disagree, else nothing. It warns and never blocks."""
    number = values.get("student_no", "")
    if not number or db.session.scalar(select(RosterEntry.id).where(RosterEntry.campaign_id == campaign_id)) is None:
        return ""
    found = entry(campaign_id, number)
    if found is None:
        return N_("学校名单中没有这个学号，请核对；确认无误可以继续")
    if values.get("name") and found.name and found.name != values["name"]:
        return N_("姓名与学校名单中该学号的姓名不一致，请核对；确认无误可以继续")
    return ""


def clear(campaign_id: int, staff: Staff) -> int:
    """Delete a campaign's roster; orders stay. Returns how many students it had."""
    with unit_of_work():
        done = db.session.execute(delete(RosterEntry).where(RosterEntry.campaign_id == campaign_id))
        audit.note(staff, "roster.cleared", f"campaign-{campaign_id}")
        return int(done.rowcount)  # type: ignore[attr-defined]


def import_file(code: str, path: Path, *, dry_run: bool = False, progress: Progress = lambda done: None) -> Result:
    """Import an XLSX or CSV list into a campaign, its columns told by their headings; again updates.

    Raises NotFound for an unknown campaign, Invalid for a file without student numbers.
    """
    campaign_id = db.session.scalar(select(Campaign.id).where(Campaign.code == code))
    if campaign_id is None:
        raise NotFound(N_("没有这个批次"))
    head = look(read_rows(path))
    return import_rows(campaign_id, read_rows(path), head.columns, head.row, dry_run=dry_run, progress=progress)


def import_rows(
    campaign_id: int,
    rows: Iterable[Sequence[str]],
    columns: Mapping[str, int],
    head_row: int = 1,
    *,
    dry_run: bool = False,
    progress: Progress = lambda done: None,
) -> Result:
    """Take the rows after the head. Every row's problem is listed; good rows are taken all the same.

    Written in portions, each kept at once: an import that is killed is run again from the start, and what it took
    before is unchanged then. A field without a column stays as it is. Raises Invalid without a student number column.
    """
    if "student_no" not in columns:
        raise Invalid(N_("请指定哪一列是学号"))
    result, seen = Result(), set[str]()
    good = _judged(rows, columns, head_row, seen, result)
    while portion := list(islice(good, _CHUNK)):
        try:
            _keep(campaign_id, portion, result, dry_run=dry_run)
        except IntegrityError:  # another import took the same students in this very moment
            _keep(campaign_id, portion, result, dry_run=dry_run)
        progress(result.rows)
    progress(result.rows)
    return result


def _judged(
    rows: Iterable[Sequence[str]], columns: Mapping[str, int], head_row: int, seen: set[str], result: Result
) -> Iterator[dict[str, str]]:
    for number, row in enumerate(rows, start=1):
        if number <= head_row or not any(row):
            continue
        result.rows += 1
        raw = {name: row[at] if at < len(row) else "" for name, at in columns.items() if name in COLUMNS}
        values = {name: clean("email" if name == "contact" else name, text) for name, text in raw.items()}
        problem = _problem(raw, values, seen)
        if problem:
            result.problems.append((number, problem))
        else:
            seen.add(values["student_no"])
            yield values


def _problem(raw: Mapping[str, str], values: Mapping[str, str], seen: set[str]) -> str:
    """The sentence for a row that cannot be taken, else nothing."""
    number = values["student_no"]
    if any(text.startswith("=") for text in raw.values()):
        return N_("单元格是公式，请先粘贴为数值")
    if any(text.startswith(_FORMULA) for text in values.values()):
        return N_("不能以 = + - @ 开头")
    if not number:
        return N_("缺少学号")
    if _LOST_DIGITS.fullmatch(raw["student_no"].strip()):
        return N_("学号被表格当作数字，可能已丢失位数；请把该列设为文本后重新填写")
    if number in seen:
        return N_("学号在文件中重复")
    if any(len(text) > 100 for text in values.values()):
        return N_("内容太长，请缩短")
    named = check_field("name", values, {}) if values.get("name") else ""
    mailed = check_field("email", {"email": values["contact"]}, {}) if values.get("contact") else ""
    return check_field("student_no", values, {}) or named or mailed


def _keep(campaign_id: int, portion: Sequence[dict[str, str]], result: Result, *, dry_run: bool) -> None:
    with unit_of_work():
        numbers = [values["student_no"] for values in portion]
        known = {
            row.student_no: row
            for row in db.session.scalars(
                select(RosterEntry).where(RosterEntry.campaign_id == campaign_id, RosterEntry.student_no.in_(numbers))
            )
        }
        fresh = [values for values in portion if values["student_no"] not in known]
        if fresh and not dry_run:
            blank = {"name": "", "college": "", "class_name": "", "contact": ""}
            made = [{**blank, **values, "campaign_id": campaign_id} for values in fresh]
            db.session.execute(RosterEntry.__table__.insert(), made)  # type: ignore[attr-defined]
        changed = 0
        for values in portion:
            old = known.get(values["student_no"])
            if old is not None and any(getattr(old, name) != value for name, value in values.items()):
                changed += 1
                for name, value in values.items() if not dry_run else ():
                    setattr(old, name, value)
    result.added += len(fresh)
    result.changed += changed
