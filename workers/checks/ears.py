"""`ears`: hidden ears, from the mask and the skin's colour.

Beside each cheek, at the height of the mesh's own temple point (it sinks when the head is raised, and one side sinks
when it is tilted), an ear is a narrow strip of skin with the wall behind it. Hair that covers it has another colour or
goes on outwards. Measured: the share of skin in the strip times the share of wall a little further out; where the
picture ends there, nothing speaks against the ear. The more visible side says whether an ear is seen at all, the other
whether one of the two is covered, as long as the head is not turned so far that it hides that ear itself; a head that
looks straight ahead shows both alike, so there the other side must show more. An ear outside the picture is not seen
either.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check, CheckVerdict
from workers.checks.common import judged, skipped, worst
from workers.imaging import marks
from workers.imaging.planes import has_skin, unlike_skin
from workers.imaging.scene import Scene

CODES = ("ears",)
_STRIP = (0.03, 0.08)  # of the face's width, outwards from the cheek
_BEYOND = (0.14, 0.22)
_TALL = 0.8  # of the distance from nose root to nose base, about the temple
_LIKE = 16.0  # CIELAB distance from the skin, lightness a third
_STRAIGHT = 3.0  # degrees of yaw: what the estimate strays by on heads that look straight ahead
_LEAST = (4, 2)  # rows and columns of a strip that can be looked at


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None:
        return
    if not has_skin(scene):
        yield skipped("ears")
        return
    shown = [_shown(scene, side, mark) for side, mark in zip((-1, 1), marks.SIDES, strict=True)]
    where = scene.around(marks.SIDES, 0.1)
    found = [judged(scene, "ears", max(shown), "hidden", where)]
    if scene.rule.limit("yaw").judge(scene.face.yaw) is not CheckVerdict.FAIL:
        limit = "weaker_ear" if abs(scene.face.yaw) > _STRAIGHT else "facing_ear"
        found.append(judged(scene, "ears", min(shown), "hidden", where, limit))
    yield worst(*found)


def _shown(scene: Scene, side: int, mark: int) -> float:
    """How much of an ear is seen on one side, 0..1."""
    assert scene.mask is not None
    strip, beyond = _cell(scene, side, mark, _STRIP), _cell(scene, side, mark, _BEYOND)
    if scene.mask[strip].shape[0] < _LEAST[0] or scene.mask[strip].shape[1] < _LEAST[1]:
        return 0.0
    ear = (scene.mask[strip] > 0.5) & (unlike_skin(scene)[strip] < _LIKE)
    hair = float((scene.mask[beyond] > 0.5).mean()) if scene.mask[beyond].size else 0.0
    return float(ear.mean()) * (1 - hair)


def _cell(scene: Scene, side: int, mark: int, reach: tuple[float, float]) -> tuple[slice, slice]:
    assert scene.marks is not None and scene.mask is not None
    height, width = scene.mask.shape
    ends = sorted(scene.marks[mark, 0] + side * part * marks.width(scene) for part in reach)
    nose = scene.marks[[marks.NOSE_ROOT, marks.UNDER_NOSE], :2]
    half = _TALL / 2 * float(np.linalg.norm(nose[1] - nose[0]))
    top, bottom = (int(np.clip(scene.marks[mark, 1] + reach, 0, height)) for reach in (-half, half))
    left, right = (int(np.clip(end, 0, width)) for end in ends)
    return slice(top, bottom), slice(left, right)
