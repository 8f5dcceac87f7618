"""The form's rules: what is taken, what is refused, and that nothing taken would run in a spreadsheet."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.rules.fields import BY_NAME, FIELDS, GROUPS, check_field, check_form, clean

LISTS = {"schools": ["示例大学"], "campuses": ["主校区"], "levels": ["本科"], "categories": ["普通高等教育"]}
GOOD = {
    "name": "王小明", "student_no": "2023000001", "id_type": "resident_id", "id_no": "11010519491231002X",
    "education_level": "本科", "education_category": "普通高等教育", "campus": "主校区", "school_name": "示例大学",
    "email": "a@example.com", "phone": "13800138000",
}  # fmt: skip


def _fault(**values: str) -> str:
    """The sentence for the one field that differs from a good form."""
    _cleaned, wrong = check_form(GOOD | values, LISTS)
    assert set(wrong) <= set(values) | {"id_no"}, wrong
    return next(iter(wrong.values()), "")


@pytest.mark.parametrize(
    ("id_type", "number", "right"),
    [
        ("resident_id", "11010519491231002X", True),  # GB 11643's own example
        ("resident_id", "440524188001010014", False),  # right check digit, nobody is that old
        ("resident_id", "１１０１０５１９４９１２３１００２ｘ", True),  # full-width digits, small x
        ("resident_id", "110105 1949 1231 002x", True),
        ("resident_id", "110105194912310021", False),  # wrong check digit
        ("resident_id", "11010519491331002X", False),  # no such month
        ("resident_id", "1101051949123100", False),
        ("residence_permit", "810000199408230021", True),
        ("residence_permit", "11010519491231002X", False),  # not of Hong Kong, Macau or Taiwan
        ("hm_permit", "H12345678", True),
        ("hm_permit", "A12345678", False),
        ("tw_permit", "12345678", True),
        ("passport", "e12345678", True),
        ("passport", "护照123", False),
        ("permanent_resident", "USA123456789012", True),
    ],
)
def test_identity_numbers_by_their_type(id_type: str, number: str, right: bool) -> None:
    assert (_fault(id_type=id_type, id_no=number) == "") is right


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("王小明", "王小明"),
        ("欧阳䶮", "欧阳䶮"),
        ("𠮷田𬱖", "𠮷田𬱖"),  # beyond the basic plane
        ("阿依古丽•买买提江", "阿依古丽·买买提江"),
        ("古丽.吐尔逊", "古丽·吐尔逊"),
        ("次仁 旺堆", "次仁旺堆"),
        ("Anna  O'Neil", "Anna O'Neil"),
        ("𠮷" * 50, "𠮷" * 50),  # fifty characters, a hundred code units
    ],
)
def test_names_as_people_have_them(typed: str, kept: str) -> None:
    assert clean("name", typed) == kept
    assert _fault(name=typed) == ""


@pytest.mark.parametrize("typed", ["", "王", "王小明1", "·王明", "<b>王</b>", "=王明", "王" * 51])
def test_what_is_no_name(typed: str) -> None:
    assert _fault(name=typed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("138 0013 8000", "13800138000"), ("+86 13800138000", "13800138000"), ("１３８００１３８０００", "13800138000"),
     ("+44 20 7946 0000", "00442079460000")],
)  # fmt: skip
def test_phones_are_written_out_without_a_plus(typed: str, kept: str) -> None:
    assert clean("phone", typed) == kept
    assert _fault(phone=typed) == ""


@pytest.mark.parametrize("name", [field.name for field in FIELDS])
@pytest.mark.parametrize("typed", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "＝1+1", "\t=1", "＠x"])
def test_what_a_spreadsheet_would_run_is_refused_in_the_form(name: str, typed: str) -> None:
    assert _fault(**{name: typed})


@given(st.fixed_dictionaries({name: st.text(max_size=60) for name in BY_NAME}))
@example(dict.fromkeys(BY_NAME, "R¸"))  # a spacing cedilla becomes a space and a mark, which the R takes in
def test_nothing_that_is_taken_starts_a_formula(values: dict[str, str]) -> None:
    cleaned, wrong = check_form(values, {})
    for name, text in cleaned.items():
        if name not in wrong and text:
            assert not text.startswith(("=", "+", "-", "@", "\t", "\r")), name
            assert clean(name, text) == text, "cleaning twice changes nothing"
            assert check_field(name, cleaned, {}) == ""


def test_the_page_groups_every_field_once() -> None:
    assert sorted(name for _title, names in GROUPS for name in names) == sorted(BY_NAME)
