"""Rosters: as schools send them, in the background, again and again, and hostile ones."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from flask import Flask
from openpyxl import Workbook

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import ImportState, RosterEntry, RosterImport
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.services.schools import merged_cells, roster_imports, rosters
from app.services.schools.roster_files import LARGEST, look, matched, read_rows
from app.services.unit import unit_of_work
from tests.factories import Cast

HEAD = ["序号", "学号", "姓名", "学院", "班级", "邮箱"]
ROWS = [
    ["1", "2023000001", "王小明", "文学院", "汉语2301", "a@example.com"],
    ["2", "2023000002", "阿依古丽·买买提", "理学院", "物理2301", ""],
    ["3", "2023000003", "𠮷田䶮", "理学院", "物理2302", ""],
]
CSV = "\r\n".join(",".join(row) for row in [HEAD, *ROWS])


def xlsx(rows: list[list[Any]]) -> bytes:
    """A workbook as a spreadsheet program writes it."""
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def _file(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "roster"
    path.write_bytes(data)
    return path


def _names(cast: Cast) -> dict[str, str]:
    rows = db.session.query(RosterEntry).filter_by(campaign_id=cast.campaign.id)
    return {row.student_no: row.name for row in rows}


@pytest.mark.parametrize(
    "data",
    [CSV.encode("utf-8"), CSV.encode("utf-8-sig"), CSV.encode("gb18030"), CSV.replace(",", "\t").encode(),
     CSV.replace(",", ";").encode(), xlsx([HEAD, *ROWS]), xlsx([["示例大学名单"], [], HEAD, *ROWS])],
    ids=["utf-8", "bom", "gb18030", "tabs", "semicolons", "xlsx", "xlsx with a title above"],
)  # fmt: skip
def test_every_form_a_school_sends_gives_the_same_roster(cast: Cast, tmp_path: Path, data: bytes) -> None:
    result = rosters.import_file(cast.campaign.code, _file(tmp_path, data))
    assert (result.rows, result.added, result.problems) == (3, 3, [])
    assert _names(cast) == {row[1]: row[2] for row in ROWS}


def test_numbers_that_a_spreadsheet_kept_as_numbers_are_whole(cast: Cast, tmp_path: Path) -> None:
    data = xlsx([["学号", "姓名"], [2023000001, "王小明"], [20230000020000003.0, "李小红"]])
    result = rosters.import_file(cast.campaign.code, _file(tmp_path, data))
    assert _names(cast) == {"2023000001": "王小明"}
    assert [(row, "丢失位数" in sentence) for row, sentence in result.problems] == [(3, True)]


def test_a_class_merged_beside_its_students_is_every_ones(cast: Cast, tmp_path: Path) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet = book.add_worksheet()
    sheet.merge_range(0, 0, 0, 3, "示例大学名单")
    for column, text in enumerate(("学院", "班级", "学号", "姓名")):
        sheet.write(1, column, text)
    sheet.merge_range(2, 0, 5, 0, "文学院")
    sheet.merge_range(2, 1, 3, 1, "一班")
    sheet.merge_range(4, 1, 7, 1, "二班")  # beyond the college: row 7 is empty, row 8 of no college
    for row, name in ((2, "王甲"), (3, "王乙"), (4, "王丙"), (5, "王丁"), (7, "王戊"), (8, "王己")):
        sheet.write(row, 2, f"202300000{row}")
        sheet.write(row, 3, name)
    book.close()
    outcome = rosters.import_file(cast.campaign.code, _file(tmp_path, file.getvalue()))
    assert (outcome.added, outcome.problems) == (6, [])
    found = db.session.query(RosterEntry).order_by(RosterEntry.student_no)
    assert [(one.name, one.college, one.class_name) for one in found] == [
        ("王甲", "文学院", "一班"), ("王乙", "文学院", "一班"), ("王丙", "文学院", "二班"), ("王丁", "文学院", "二班"),
        ("王戊", "", "二班"), ("王己", "", ""),
    ]  # fmt: skip


def test_merged_ranges_are_found_across_portions_and_wild_ones_do_no_harm(tmp_path: Path) -> None:
    book = tmp_path / "x.xlsx"
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as made:
        marks = b'<mergeCell ref="A2:A9"/><mergeCell ref="ZZZ1:ZZZ9"/><mergeCell ref="B1:D1"/><mergeCell ref="x"/>'
        made.writestr("s.xml", b" " * (2**20 - 12) + marks)
    merged = merged_cells.ranges(book, "/s.xml")
    assert dict(merged) == {1: [(18277, 9)], 2: [(0, 9)]}
    assert list(merged_cells.filled([["h"], ["a"], [""], []], merged)) == [["h"], ["a"], [""], []]


def test_every_bad_row_is_named_with_its_row_and_good_ones_are_taken(cast: Cast, tmp_path: Path) -> None:
    data = xlsx(
        [
            ["学号", "姓名", "邮箱"],
            ["2023000001", "王小明", ""],
            ["", "没有学号", ""],
            [None, None, None],
            ["2023000001", "又是他", ""],
            ["=1+1", "公式", ""],
            ["2023 中文", "学号不对", ""],
            ["2023000006", "=HYPERLINK(1)", ""],
            ["2023000007", "好人", "not an address"],
            ["2023000008", "最后", "b@example.com"],
        ]
    )
    result = rosters.import_file(cast.campaign.code, _file(tmp_path, data))
    assert [row for row, _ in result.problems] == [3, 5, 6, 7, 8, 9]
    assert all(sentence for _, sentence in result.problems)
    assert set(_names(cast)) == {"2023000001", "2023000008"}


def test_a_dry_run_says_the_same_and_writes_nothing(cast: Cast, tmp_path: Path) -> None:
    path = _file(tmp_path, CSV.encode())
    tried = rosters.import_file(cast.campaign.code, path, dry_run=True)
    assert not _names(cast)
    assert rosters.import_file(cast.campaign.code, path) == tried


def test_again_updates_by_number_and_a_field_without_a_column_stays(cast: Cast, tmp_path: Path) -> None:
    rosters.import_file(cast.campaign.code, _file(tmp_path, CSV.encode()))
    again = rosters.import_file(cast.campaign.code, _file(tmp_path, CSV.encode()))
    assert (again.added, again.changed) == (0, 0)
    later = rosters.import_file(cast.campaign.code, _file(tmp_path, "学号,姓名\n2023000001,王晓明".encode()))
    assert (later.added, later.changed) == (0, 1)
    kept = rosters.entry(cast.campaign.id, "2023000001")
    assert kept is not None
    assert (kept.name, kept.class_name, kept.contact) == ("王晓明", "汉语2301", "a@example.com")


def test_names_are_not_needed(cast: Cast, tmp_path: Path) -> None:
    assert rosters.import_file(cast.campaign.code, _file(tmp_path, "学号\n2023000001".encode())).added == 1
    assert not rosters.mismatch(cast.campaign.id, {"student_no": "2023000001", "name": "谁都行"})


def _bomb() -> bytes:
    """A workbook of a few kilobytes that unpacks to half a gigabyte."""
    file = io.BytesIO(xlsx([HEAD]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as made:
        with made.open("xl/sharedStrings2.xml", "w") as member:
            for _ in range(500):
                member.write(b" " * 1024 * 1024)
    return file.getvalue()


def _plain_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("readme.txt", "no sheet")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "空"),
        (b"\n\n,,\n", "空"),
        (b"\xff\xfe\x00\x01\x02", "编码"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "旧版 XLS"),
        (b"PK\x03\x04 not a workbook", "无法读取"),
        (_plain_zip(), "不是表格"),
        (_bomb(), "解压后过大"),
        (xlsx([HEAD, *ROWS])[:-200], "无法读取"),
        ("姓名,班级\n王小明,一班".encode(), "学号"),
        (b"\xe5\xad\xa6\xe5\x8f\xb7\n" + b"x" * (LARGEST + 1), "太大"),
    ],
    ids=["nothing", "blank", "binary", "old xls", "no zip", "zip", "bomb", "cut off", "no number column", "huge"],
)
def test_hostile_and_broken_files_are_refused_with_a_sentence(
    cast: Cast, tmp_path: Path, data: bytes, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        rosters.import_file(cast.campaign.code, _file(tmp_path, data))
    assert sentence in refused.value.sentence
    assert not _names(cast)


def test_entities_that_grow_are_not_expanded(cast: Cast, tmp_path: Path) -> None:
    """A billion laughs in the sheet's XML ends in a sentence, not in memory."""
    laughs = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 12)
    )
    source, file = io.BytesIO(xlsx([HEAD])), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in old.namelist():
            data = old.read(name)
            if name.startswith("xl/worksheets/"):
                body = data.decode().replace("序号", "&a11;")
                data = (laughs + "]>" + body[body.index("<worksheet") :]).encode()
            made.writestr(name, data)
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            rosters.import_file(cast.campaign.code, _file(tmp_path, file.getvalue()))
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_fifty_thousand_rows_are_fine(cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "big.xlsx"
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["学号", "姓名", "学院", "班级"])
    for number in range(1, 50_001):
        sheet.write_row(number, 0, [f"2023{number:06d}", "王小明", f"学院{number % 20}", f"班{number % 900}"])
    book.close()
    seen: list[int] = []
    result = rosters.import_file(cast.campaign.code, path, progress=seen.append)
    assert (result.added, result.problems) == (50_000, [])
    assert rosters.size(cast.campaign.id) == 50_000
    assert seen == sorted(seen) and seen[-1] == 50_000


def test_an_unknown_campaign(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        rosters.import_file("NOWHERE", _file(tmp_path, CSV.encode()))


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        (["考生号", "姓 名", "学生学号", "院系名称", "行政班", "E-mail"],
         {"name": 1, "student_no": 2, "college": 3, "class_name": 4, "contact": 5}),
        (["*学号(必填)", "学生姓名：", "所在学院", "班级名称", "QQ邮箱"],
         {"student_no": 0, "name": 1, "college": 2, "class_name": 3, "contact": 4}),
        (["Student No", "NAME", "Department", "Class"], {"student_no": 0, "name": 1, "college": 2, "class_name": 3}),
        (["学号", "辅导员姓名", "院系代码"], {"student_no": 0}),  # somebody else's name, and a number for a college
        (["学号", "姓名", "曾用姓名", "邮箱一", "邮箱二"], {"student_no": 0, "name": 1}),  # which one, a person says
    ],
)  # fmt: skip
def test_headings_are_understood_as_schools_write_them(head: list[str], columns: dict[str, int]) -> None:
    assert matched(head) == columns


def test_the_head_is_found_and_its_columns_are_guessed(tmp_path: Path) -> None:
    head = look(read_rows(_file(tmp_path, ("名单\n\n" + CSV).encode())))
    assert head.row == 3
    assert head.columns == {"student_no": 1, "name": 2, "college": 3, "class_name": 4, "contact": 5}
    assert head.sample[0] == HEAD


def _uploaded(cast: Cast, data: bytes = CSV.encode()) -> RosterImport:
    made = roster_imports.upload(cast.campaign, cast.liaison, data)
    roster_imports.work(made.id)
    return roster_imports.find(cast.campaign, made.id)


COLUMNS = {"student_no": "1", "name": "2", "college": "3", "class_name": "4", "contact": ""}


def test_the_way_of_a_file_through_the_console(app: Flask, cast: Cast) -> None:
    """Uploaded, read by a worker, looked at, tried, taken; then the file is gone."""
    found = _uploaded(cast)
    key, import_id = str(found.key), found.id
    assert (found.state, found.total, found.columns["student_no"]) == (ImportState.READ, 3, 1)
    roster_imports.start(cast.campaign, import_id, COLUMNS, dry_run=True)
    roster_imports.work(import_id)
    tried = roster_imports.find(cast.campaign, import_id)
    assert (tried.state, tried.added, rosters.size(cast.campaign.id)) == (ImportState.DONE, 3, 0)
    roster_imports.start(cast.campaign, import_id, COLUMNS, dry_run=False)
    assert roster_imports.work(import_id) == "taken"
    assert roster_imports.work(import_id) == "not waiting"  # the job came twice
    taken = roster_imports.find(cast.campaign, import_id)
    assert (taken.state, taken.added, taken.key, taken.sample) == (ImportState.DONE, 3, None, [])
    assert not storage().exists(key)
    with pytest.raises(ActionNotAllowed):
        roster_imports.start(cast.campaign, import_id, COLUMNS, dry_run=False)


@pytest.mark.parametrize("columns", [{}, {"student_no": "9"}, {"student_no": "x"}, {"student_no": "1", "name": "1"}])
def test_columns_that_cannot_be_are_refused(app: Flask, cast: Cast, columns: dict[str, str]) -> None:
    found = _uploaded(cast)
    with pytest.raises(Invalid):
        roster_imports.start(cast.campaign, found.id, columns, dry_run=True)


def test_a_hostile_file_says_why_on_its_page(app: Flask, cast: Cast) -> None:
    found = _uploaded(cast, _bomb())
    assert found.state == ImportState.FAILED
    assert "解压后过大" in found.failure


def test_an_import_that_lost_its_worker_goes_on(app: Flask, cast: Cast) -> None:
    """Killed in the middle: the sweep queues it again, and what was taken before is unchanged then."""
    found = _uploaded(cast)
    import_id = found.id
    roster_imports.start(cast.campaign, import_id, COLUMNS, dry_run=False)
    with unit_of_work():
        db.session.add(RosterEntry(campaign_id=cast.campaign.id, student_no="2023000001", name="王小明",
                                   college="文学院", class_name="汉语2301"))  # fmt: skip
        row = db.session.get_one(RosterImport, import_id)
        row.touched_at = now() - 2 * roster_imports.LOST
    assert roster_imports.resume_lost() == 1
    roster_imports.work(import_id)
    assert roster_imports.find(cast.campaign, import_id).added == 2
    assert rosters.size(cast.campaign.id) == 3


def test_a_file_that_nobody_takes_is_deleted(app: Flask, cast: Cast) -> None:
    found = _uploaded(cast)
    key, import_id = str(found.key), found.id
    with unit_of_work():
        db.session.get_one(RosterImport, import_id).touched_at = now() - 2 * roster_imports.KEPT
    roster_imports.resume_lost()
    assert not storage().exists(key)
    assert roster_imports.find(cast.campaign, import_id).sample == []
