"""Editing a photo rule: nothing is lost on the way through the form, and no edited rule contradicts itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.photo_rule import load_rule_body, rule_from_json
from app.rules.rule_edit import differences, edited, flat

BODY = load_rule_body("chsi-2017")
PLACES = sorted(flat(BODY))


def test_the_form_as_it_is_shown_gives_the_same_body() -> None:
    assert edited(BODY, flat(BODY)) == (BODY, {})
    assert edited(BODY, {}) == (BODY, {})


@pytest.mark.parametrize(
    ("place", "text", "where"),
    [
        ("upload.max_mb", "0", "upload.max_mb"),
        ("upload.max_mb", "31", "upload.max_mb"),  # more than the web takes
        ("output.dpi", "300.5", "output.dpi"),
        ("output.dpi", "", "output.dpi"),
        ("output.width", "481", "output.height"),  # no longer 3:4
        ("output.quality_least", "96", "output.quality_least"),
        ("output.warn_below_bytes", "40960", "output.warn_below_bytes"),
        ("backgrounds.blue", "100, 197", "backgrounds.blue"),
        ("backgrounds.blue", "100, 197, 256", "backgrounds.blue"),
        ("backgrounds.blue", "-1, 0, 0", "backgrounds.blue"),
        ("backgrounds.blue", "１, 2, ３", "backgrounds.blue"),
        ("limits.roll.fail.0", "eight", "limits.roll.fail.0"),
        ("limits.roll.fail.0", "nan", "limits.roll.fail.0"),
        ("limits.roll.fail.0", "1e3", "limits.roll.fail.0"),
        ("limits.roll.fail.0", "9", "limits.roll.fail.1"),  # upside down
        ("limits.roll.warn.0", "-9", "limits.roll.warn.0"),  # warns only where it fails already
        ("limits.roll.warn.1", "9", "limits.roll.warn.1"),
        ("limits.roll.warn.1", "", "limits.roll.warn.1"),  # no warning bound, but a failing one
        ("limits.eye_line.fail.1", "700", "limits.eye_line.fail.1"),  # below the picture
    ],
)
def test_what_a_rule_may_not_say_is_named_at_its_place(place: str, text: str, where: str) -> None:
    assert where in edited(BODY, {place: text})[1]


@given(
    st.sampled_from(PLACES),
    st.one_of(st.integers(-50, 50).map(str), st.floats(-9, 9).map("{:.2f}".format), st.just("")),
)
def test_what_passes_is_a_rule_and_differs_exactly_where_it_was_edited(place: str, text: str) -> None:
    body, wrong = edited(BODY, {place: text})
    if wrong:
        return
    rule_from_json(body)
    changed = differences(BODY, body)
    assert {row[0] for row in changed} <= {place}
    assert [(p, new, old) for p, old, new in changed] == differences(body, BODY)
    assert edited(body, flat(body)) == (body, {})


def test_a_limit_without_bounds_no_longer_limits() -> None:
    body, wrong = edited(BODY, {"limits.sharpness.warn.0": "", "limits.sharpness.fail.0": ""})
    assert not wrong
    assert rule_from_json(body).limit("sharpness").judge(-1e9) == "pass"
