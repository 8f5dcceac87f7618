"""The crop solver: agrees with brute force, a crop it offers always passes, and it says what the picture lacks."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.photo_rule import load_rule
from app.rules.report import CheckVerdict
from workers.imaging.conflict import conflict
from workers.imaging.crop import MEASURES, Head, judge, measure, solve

RULE = load_rule("chsi-2017")
ROUNDS = 20_000 if os.environ.get("CAIXIANG_SOAK") else 2000

heads = st.builds(
    lambda top, eyes, left, wide: Head(top, top + eyes, left, left + wide),
    st.floats(0, 300), st.floats(20, 500), st.floats(0, 500), st.floats(60, 500),
)  # fmt: skip
likely = st.builds(
    lambda top, wide, long, left: Head(top, top + wide * long, left, left + wide),
    st.floats(0, 250), st.floats(150, 500), st.floats(0.5, 1.1), st.floats(0, 500),
)  # fmt: skip
"""Heads of human proportions: many of them just fit, or just do not."""


def _fits(head: Head, box: tuple[int, int, int, int]) -> bool:
    values = measure(head, box, RULE)
    return all(RULE.limit(name).judge(values[name]) is not CheckVerdict.FAIL for name in MEASURES)


def _brute_force(head: Head, width: int, height: int) -> bool:
    """Whether any crop fits, tried one by one: whole pixels, 3k x 4k, at least the output's pixels."""
    for k in range(160, min(width // 3, height // 4) + 1):
        scale = 160 / k
        if not 180 <= round(head.face_width * scale, 4) <= 300:
            continue
        rows = range(max(0, int(head.hair_top - 110 / scale) - 1), min(height - 4 * k, int(head.hair_top) + 1) + 1)
        centre = int(head.centre - 1.5 * k)
        columns = range(max(0, centre - k // 4), min(width - 3 * k, centre + k // 4) + 1)
        fit_row = next((y for y in rows if _fits_rows(head, y, scale)), None)
        fit_column = next((x for x in columns if 45 <= round((head.centre - x) / (3 * k) * 100, 4) <= 55), None)
        if fit_row is not None and fit_column is not None:
            return True
    return False


def _fits_rows(head: Head, y: int, scale: float) -> bool:
    top, eyes = round((head.hair_top - y) * scale, 4), round((head.eye_line - y) * scale, 4)
    return 50 <= top <= 110 and 200 <= eyes <= 300


@given(st.one_of(heads, likely), st.integers(480, 900), st.integers(640, 1100))
@settings(max_examples=ROUNDS)
def test_it_finds_a_crop_exactly_when_there_is_one(head: Head, width: int, height: int) -> None:
    found = solve(head, width, height, RULE)
    assert found.fits == _brute_force(head, width, height)
    x, y, wide, high = found.box
    assert x >= 0 and y >= 0 and x + wide <= width and y + high <= height and wide * 4 == high * 3
    if found.fits:
        assert _fits(head, found.box) and wide >= 480


@given(likely, st.integers(480, 900), st.integers(640, 1100))
@settings(max_examples=ROUNDS // 10)
def test_a_cause_is_named_exactly_when_no_crop_fits(head: Head, width: int, height: int) -> None:
    assert bool(conflict(head, width, height, RULE)) == (not solve(head, width, height, RULE).fits)


@pytest.mark.parametrize(
    ("head", "size", "causes"),
    [
        (Head(100, 280, 200, 440), (640, 900), ()),
        (Head(10, 190, 200, 440), (640, 900), ("high",)),  # 头顶上方空白太少
        (Head(100, 280, 20, 260), (640, 900), ("left",)),  # 偏左
        (Head(100, 280, 380, 620), (640, 900), ("right",)),  # 偏右
        (Head(300, 480, 200, 440), (640, 700), ("low",)),  # 偏下
        (Head(10, 190, 20, 260), (640, 900), ("high", "left")),
        (Head(10, 400, 20, 620), (640, 900), ("too_close",)),
        (Head(100, 160, 200, 260), (640, 900), ("too_far",)),
        (Head(20, 500, 200, 440), (640, 900), ("tall_hair",)),
    ],
)
def test_the_cause_in_the_students_words(head: Head, size: tuple[int, int], causes: tuple[str, ...]) -> None:
    assert conflict(head, *size, RULE) == causes


def test_verdicts_flip_exactly_at_the_limits() -> None:
    """480 x 640 as it stands: one pixel inside, on the limit, one pixel outside."""
    good = {"hair_top": 80.0, "eye_line": 250.0, "cheek_left": 130.0, "cheek_right": 350.0}
    cases = itertools.chain(
        (("hair_top", limit + off, 50 <= limit + off <= 110) for limit in (50, 110) for off in (-1, 0, 1)),
        (("eye_line", limit + off, 200 <= limit + off <= 300) for limit in (200, 300) for off in (-1, 0, 1)),
    )
    for name, value, fits in cases:
        assert judge(Head(**(good | {name: float(value)})), (0, 0, 480, 640), RULE).fits == fits, (name, value)
    for wide in (179, 180, 181, 299, 300, 301):
        head = Head(80, 250, 240 - wide / 2, 240 + wide / 2)
        assert judge(head, (0, 0, 480, 640), RULE).fits == (180 <= wide <= 300)
    for centre in (215, 216, 217, 263, 264, 265):  # 45 % and 55 % of 480
        head = Head(80, 250, centre - 110, centre + 110)
        assert judge(head, (0, 0, 480, 640), RULE).fits == (216 <= centre <= 264)
