"""`ears`: hidden ears, from the mask and the skin's colour.

Beside each cheek, between nose root and nose base, an ear is a narrow strip of skin with the wall behind it. Hair that
covers it has another colour or goes on outwards. Measured: the share of skin in the strip times the share of wall a
quarter of a face further out. The more visible side says whether an ear is seen at all, the other whether one of the
two is covered. An ear outside the picture is not seen either.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check
from workers.checks.common import judged, skipped, worst
from workers.imaging import marks
from workers.imaging.planes import has_skin, unlike_skin
from workers.imaging.scene import Scene

CODES = ("ears",)
_STRIP = (0.015, 0.11)  # of the face's width, outwards from the cheek
_BEYOND = (0.16, 0.30)
_LIKE = 16.0  # CIELAB distance from the skin, lightness a third
_LEAST = (4, 2)  # rows and columns of a strip that can be looked at


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None:
        return
    if not has_skin(scene):
        yield skipped("ears")
        return
    shown = [_shown(scene, side, mark) for side, mark in zip((-1, 1), marks.SIDES, strict=True)]
    where = scene.around(marks.SIDES, 0.1)
    yield worst(
        judged(scene, "ears", max(shown), "hidden", where),
        judged(scene, "ears", min(shown), "hidden", where, "weaker_ear"),
    )


def _shown(scene: Scene, side: int, mark: int) -> float:
    """How much of an ear is seen on one side, 0..1."""
    assert scene.mask is not None
    strip, beyond = _cell(scene, side, mark, _STRIP), _cell(scene, side, mark, _BEYOND)
    if scene.mask[strip].shape[0] < _LEAST[0] or scene.mask[strip].shape[1] < _LEAST[1]:
        return 0.0
    ear = (scene.mask[strip] > 0.5) & (unlike_skin(scene)[strip] < _LIKE)
    hair = float((scene.mask[beyond] > 0.5).mean()) if scene.mask[beyond].size else 1.0
    return float(ear.mean()) * (1 - hair)


def _cell(scene: Scene, side: int, mark: int, reach: tuple[float, float]) -> tuple[slice, slice]:
    assert scene.marks is not None and scene.mask is not None
    height, width = scene.mask.shape
    ends = sorted(scene.marks[mark, 0] + side * part * marks.width(scene) for part in reach)
    rows = (scene.marks[marks.NOSE_ROOT, 1], scene.marks[marks.UNDER_NOSE, 1])
    top, bottom = (int(np.clip(row, 0, height)) for row in rows)
    left, right = (int(np.clip(end, 0, width)) for end in ends)
    return slice(top, bottom), slice(left, right)
