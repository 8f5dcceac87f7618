"""The crop solver: agrees with brute force, and a crop it offers always passes."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.photo_rule import load_rule
from app.rules.report import CheckVerdict
from workers.imaging.crop import MEASURES, Head, judge, measure, solve

RULE = load_rule("chsi-2017")

heads = st.builds(
    lambda top, eyes, left, wide: Head(top, top + eyes, left, left + wide),
    st.floats(0, 300), st.floats(20, 500), st.floats(0, 500), st.floats(60, 500),
)  # fmt: skip


def _fits(head: Head, box: tuple[int, int, int, int]) -> bool:
    values = measure(head, box, RULE)
    return all(RULE.limit(name).judge(values[name]) is not CheckVerdict.FAIL for name in MEASURES)


def _brute_force(head: Head, width: int, height: int) -> bool:
    """Whether any crop fits, tried one by one: whole pixels, 3k x 4k, at least the output's pixels."""
    for k in range(160, min(width // 3, height // 4) + 1):
        scale = 160 / k
        if not 180 <= head.face_width * scale <= 300:
            continue
        rows = range(max(0, int(head.hair_top - 110 / scale) - 1), min(height - 4 * k, int(head.hair_top) + 1) + 1)
        centre = int(head.centre - 1.5 * k)
        columns = range(max(0, centre - k // 4), min(width - 3 * k, centre + k // 4) + 1)
        fit_row = next((y for y in rows if _fits_rows(head, y, scale)), None)
        fit_column = next((x for x in columns if 45 <= (head.centre - x) / (3 * k) * 100 <= 55), None)
        if fit_row is not None and fit_column is not None:
            return True
    return False


def _fits_rows(head: Head, y: int, scale: float) -> bool:
    return 50 <= (head.hair_top - y) * scale <= 110 and 200 <= (head.eye_line - y) * scale <= 300


@given(heads, st.integers(480, 900), st.integers(640, 1100))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_it_finds_a_crop_exactly_when_there_is_one(head: Head, width: int, height: int) -> None:
    found = solve(head, width, height, RULE)
    assert found.fits == _brute_force(head, width, height)
    x, y, wide, high = found.box
    assert x >= 0 and y >= 0 and x + wide <= width and y + high <= height and wide * 4 == high * 3
    if found.fits:
        assert _fits(head, found.box) and wide >= 480


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
