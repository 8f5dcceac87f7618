"""Why no crop satisfies all limits, in the student's terms: which side of the picture lacks room, or what is too large.

Exact, by the solver itself: the picture is imagined larger on one side, then on two; the first that helps is the cause.
"""

from __future__ import annotations

from itertools import combinations

from app.rules.photo_rule import PhotoRule
from workers.imaging.crop import Head, solve

SIDES = ("high", "left", "right", "low")
"""Too little room above, left, right, below: the head lies too high, left, right or low in the picture."""

_ROOM = 3
"""Face widths that a side is imagined larger by: more than any crop needs."""


def conflict(head: Head, width: int, height: int, rule: PhotoRule) -> tuple[str, ...]:
    """The faults, one or two of SIDES, or `too_close` (more than two sides lack room), `too_far`, `tall_hair`.

    `too_far`: there is a crop, but it has fewer pixels than the output. `tall_hair`: no picture however large has one,
    because hair-top, eyes and cheeks do not fit the limits together. Empty when a crop fits.
    """
    if solve(head, width, height, rule).fits:
        return ()
    for count in (1, 2):
        for sides in combinations(SIDES, count):
            if _fits(head, width, height, rule, sides):
                return ("too_close",) if set(sides) == {"left", "right"} else sides
    if _fits(head, width, height, rule, SIDES):
        return ("too_close",)
    larger = max(2.0, rule.output.width / max(1.0, head.face_width))  # as if taken with more pixels
    grown = Head(*(value * larger for value in (head.hair_top, head.eye_line, head.cheek_left, head.cheek_right)))
    if _fits(grown, round(width * larger), round(height * larger), rule, SIDES):
        return ("too_far",)
    return ("tall_hair",)


def _fits(head: Head, width: int, height: int, rule: PhotoRule, sides: tuple[str, ...]) -> bool:
    room = int(_ROOM * head.face_width) + rule.output.height
    left, top = room * ("left" in sides), room * ("high" in sides)
    moved = Head(head.hair_top + top, head.eye_line + top, head.cheek_left + left, head.cheek_right + left)
    return solve(moved, width + left + room * ("right" in sides), height + top + room * ("low" in sides), rule).fits
