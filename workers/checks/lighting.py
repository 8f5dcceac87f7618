"""`lighting`: one side of the face darker than the other, in stops (factors of two of linear luminance).

ISO/IEC 29794-5 IlluminationUniformity compares the cheeks' histograms; their overlap is empty from a moderate
difference on and no longer tells strong from stronger. So the difference itself is measured, twice: between the cheeks
(median) and between the halves of the face (mean). Their mean counts, where both say that the same side is darker.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Box, Check
from workers.checks.common import judged, skipped
from workers.imaging.marks import CHIN, LEFT_CHEEK, NOSE_ROOT, NOSE_TIP, RIGHT_CHEEK, UNDER_NOSE
from workers.imaging.planes import cheeks, has_skin, light, skin
from workers.imaging.scene import Scene

CODES = ("lighting",)
_FLARE = 0.005  # luminance added to both sides: black is not infinitely darker than nearly black


def look(scene: Scene) -> Iterator[Check]:
    if scene.marks is None or not has_skin(scene):
        if scene.face is not None:
            yield skipped("lighting")
        return
    tones, face = light(scene), skin(scene)
    left_cheek, right_cheek = cheeks(scene)
    middle = float(scene.marks[[NOSE_ROOT, NOSE_TIP, UNDER_NOSE, CHIN], 0].mean())
    left = face & (np.arange(face.shape[1]) < middle)
    right = face & ~left
    if not left.any() or not right.any():
        yield skipped("lighting")
        return
    halves = _stops(float(tones[left].mean()), float(tones[right].mean()))
    between = _stops(float(np.median(tones[left_cheek])), float(np.median(tones[right_cheek])))
    difference = (halves + between) / 2 if halves * between > 0 else 0.0
    yield judged(scene, "lighting", abs(difference), "one_side", _darker(scene, difference))


def _stops(one: float, other: float) -> float:
    return float(np.log2((one + _FLARE) / (other + _FLARE)))


def _darker(scene: Scene, difference: float) -> Box:
    return scene.around(RIGHT_CHEEK if difference > 0 else LEFT_CHEEK, 0.1)
