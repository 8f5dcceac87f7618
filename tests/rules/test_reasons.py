"""What makes a good reason, and how its places are filled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.reasons import built_in, faults, fill, open_places

GOOD = {
    "code": "hair",
    "label": "头发",
    "label_en": "Hair",
    "text_zh": "头发遮住了眉毛，请把头发拢到耳后重拍。",
    "text_en": "Hair covers your brows. Please pull it back and retake.",
    "target": "photo",
    "check_code": "ears",
    "hotkey": "",
    "position": "30",
}


def test_the_shipped_reasons_obey_our_own_rule() -> None:
    for row in built_in():
        values = {
            name: getattr(row, name) or ""
            for name in ("code", "label", "label_en", "text_zh", "text_en", "target", "hotkey")
        }
        assert faults(values | {"check_code": row.check or ""}) == {}, row.code


def test_a_good_reason_has_no_fault() -> None:
    assert faults(GOOD) == {}
    assert faults(GOOD | {"text_zh": "头顶距上边 {value} 像素，应不少于 {limit}，请后退重拍。"}) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", ""), ("code", "Hair"), ("code", "头发"), ("code", "1st"), ("code", "x" * 41), ("code", "a-b"),
        ("label", " "), ("label", "名" * 13), ("label_en", ""), ("label_en", "头发"), ("label_en", "x" * 21),
        ("target", "form:"), ("target", "form:nothing"), ("target", "form:code"), ("target", ""), ("target", "name"),
        ("check_code", "beauty"), ("hotkey", "0"), ("hotkey", "10"), ("hotkey", "a"), ("position", "-1"),
        ("text_zh", ""), ("text_zh", "请重拍"), ("text_zh", "Please retake the photo now."),
        ("text_zh", "脸宽 {width} 像素，请靠近一些重拍。"), ("text_zh", "脸宽 {value 像素，请靠近一些重拍。"),
        ("text_zh", "脸宽 {} 像素，请靠近一些重拍。"), ("text_zh", "请靠近一些" * 60),
        ("text_en", "Retake"), ("text_en", "请靠近一些重拍，谢谢您的配合"),
    ],
)  # fmt: skip
def test_a_fault_is_named_at_its_field(field: str, value: str) -> None:
    assert list(faults(GOOD | {field: value})) == [field]


def test_a_limit_needs_the_check_that_has_it() -> None:
    text = {"text_zh": "头顶应不少于 {limit} 像素，请后退重拍。"}
    assert list(faults(GOOD | text | {"check_code": ""})) == ["check_code"]


@given(st.text(), st.text(min_size=1), st.text(min_size=1))
def test_filling_leaves_only_what_has_no_value(text: str, value: str, limit: str) -> None:
    assert fill("{value} of {limit}", {"value": value, "limit": limit}) == f"{value} of {limit}"
    assert open_places(fill("at {value} {other}", {"value": "3"})) == ["other"]
    assert open_places(fill("at {value}", {"value": ""})) == ["value"]
    if "{" not in text:
        assert fill(text, {"value": value}) == text
