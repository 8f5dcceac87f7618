"""A campaign and a school as typed: what is taken, and the sentence for what is not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.export.naming import check_template
from app.rules import campaign_form, school_form
from app.rules.fields import check_field, clean
from app.rules.yuan import fen, yuan

GOOD = {
    "name": "2027届毕业生采集", "opens": "2027-03-01", "closes": "2027-05-31", "help_phone": "010-12345678",
    "price": "15", "naming": "{id_no}", "tries": "", "print_width_mm": "33", "print_height_mm": "48",
    "review_days": "3", "grace_days": "14", "last_notice_days": "3", "remind_days": "0", "retention_days": "180",
}  # fmt: skip


@given(st.integers(0, 99_999_999))
def test_money_survives_being_typed(amount: int) -> None:
    assert fen(yuan(amount)) == amount


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("15", 1500), ("15.5", 1550), ("0.01", 1), ("¥15.00", 1500), (" １５ 元 ", 1500), ("0.29", 29), ("19.99", 1999)],
)
def test_yuan_as_people_type_them(typed: str, amount: int) -> None:
    assert fen(typed) == amount


@pytest.mark.parametrize(("amount", "shown"), [(0, "0.00"), (1500, "15.00"), (-50, "-0.50"), (-1550, "-15.50")])
def test_fen_as_people_read_them(amount: int, shown: str) -> None:
    assert yuan(amount) == shown


@pytest.mark.parametrize("typed", ["", "-1", "1.234", "1e3", "十五", "1,500", "15.", ".5", "NaN", "9" * 20])
def test_what_is_no_money_is_not_guessed(typed: str) -> None:
    assert fen(typed) is None


def test_a_whole_form_is_taken() -> None:
    parsed, wrong = campaign_form.parse(GOOD, ["diploma"], check_template)
    assert not wrong
    assert parsed["price_fen"] == 1500
    assert parsed["kinds"] == ["diploma"]
    assert parsed["tries"] is None


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""), ("name", "很" * 61), ("opens", "1.3.2027"), ("closes", "2027-02-01"),
        ("opens", "0001-01-01"), ("closes", "9999-12-31"), ("help_phone", "call me"),
        ("price", "15.555"), ("price", "1000.01"), ("naming", "{name}"), ("naming", "{idno}"), ("naming", "../{id_no}"),
        ("tries", "0"), ("tries", "many"), ("print_width_mm", "19"), ("print_height_mm", "81"), ("review_days", "0"),
        ("remind_days", "1"), ("retention_days", ""), ("retention_days", "-3"), ("background", "green"),
    ],
)  # fmt: skip
def test_each_wrong_field_has_its_sentence_and_the_others_none(field: str, typed: str) -> None:
    _parsed, wrong = campaign_form.parse(GOOD | {field: typed}, ["chsi"], check_template)
    assert set(wrong) == {field}
    sentence, facts = wrong[field]
    assert sentence % facts  # every place of the sentence is filled


def test_a_campaign_without_a_kind_delivers_nothing() -> None:
    assert set(campaign_form.parse(GOOD, [], check_template)[1]) == {"kinds"}


@pytest.mark.parametrize(
    ("code", "right"),
    [("HN2027", True), ("A-1", True), ("AB", False), ("a/b", False), ("../X", False), ("-AB", False), ("A" * 21, False),
     ("特征码", False), ("A B", False)],
)  # fmt: skip
def test_codes_are_safe_in_addresses_and_file_names(code: str, right: bool) -> None:
    assert (campaign_form.code_fault(campaign_form.code(code)) == "") is right


@pytest.mark.parametrize(
    ("last", "this"),
    [
        ("2026届毕业生采集", "2027届毕业生采集"),
        ("DEMO26", "DEMO27"),
        ("HN2026", "HN2027"),
        ("X99", "X00"),
        ("春季", "春季"),
    ],
)
def test_last_years_names_count_on(last: str, this: str) -> None:
    assert campaign_form.next_year(last) == this


def test_a_year_later_is_the_same_day() -> None:
    assert campaign_form.a_year_later(date(2027, 3, 1)) == date(2028, 3, 1)
    assert campaign_form.a_year_later(date(2028, 2, 29)) == date(2029, 2, 28)


NAMES = st.text(st.characters(categories=["Lo", "Lu", "Nd"]), min_size=1, max_size=12)


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=4, unique=True), max_size=5))
def test_colleges_survive_being_typed(colleges: dict[str, list[str]]) -> None:
    assert school_form.read_colleges(school_form.write_colleges(colleges)) == colleges


def test_colleges_as_schools_paste_them() -> None:
    typed = "文学院：汉语2301，汉语2302\n\n理学院\n文学院: 汉语2302; 新闻2301\n : 孤儿班"
    assert school_form.read_colleges(typed) == {"文学院": ["汉语2301", "汉语2302", "新闻2301"], "理学院": []}


def test_colleges_as_cells_of_a_table() -> None:
    typed = "文学院\t汉语2301\t汉语2302\n理学院\t物理2301\n文学院\t新闻2301\n\t\n法学院"
    assert school_form.read_colleges(typed) == {
        "文学院": ["汉语2301", "汉语2302", "新闻2301"], "理学院": ["物理2301"], "法学院": [],
    }  # fmt: skip


def test_what_nobody_sees_is_no_part_of_a_name() -> None:
    """A student's choice is compared without it: with it, nobody could pick this college."""
    typed = {
        "code": "10001",
        "name": "示例\u200b大学\x07",
        "campuses": "\ufeff主校区",
        "colleges": "文\u202e学院：一\u200d班",
    }
    parsed, wrong = school_form.parse(typed)
    assert not wrong
    assert (parsed["name"], parsed["campuses"], parsed["colleges"]) == ("示例大学", ["主校区"], {"文学院": ["一班"]})
    lists = {"colleges": ["文学院"]}
    assert not check_field("college", {"college": clean("college", "文\u202e学院")}, lists)


@pytest.mark.parametrize(
    ("field", "typed"),
    [("name", "＝cmd()"), ("campuses", "\u200b=1"), ("code", "123"), ("code", "12345a"), ("name", ""),
     ("name", "=cmd()"), ("campuses", ""), ("campuses", "+1"),
     ("colleges", "=HYPERLINK(1): 一班"), ("colleges", "文学院: @一班"), ("colleges", "长" * 61)],
)  # fmt: skip
def test_a_school_is_refused_with_a_sentence(field: str, typed: str) -> None:
    good = {"code": "10001", "name": "示例大学", "campuses": "主校区", "colleges": "文学院: 汉语2301"}
    assert not school_form.parse(good)[1]
    assert set(school_form.parse(good | {field: typed})[1]) == {field}
