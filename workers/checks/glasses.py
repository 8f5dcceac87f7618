"""`glasses`: dark or tinted lenses, by the skin around the eyes (not the eyes themselves) and the eyes' own contrast.

A lens covers all of the zone, so its brighter part is measured (75th percentile of L*) as a part of the cheeks'
lightness; shadows under brows leave the lower part of the zone light. A weaker tint is named only where the eye behind
it has hardly any contrast either (10th to 90th percentile of L* within the lids).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from app.rules.report import Check
from workers.checks.common import judged, skipped, worst
from workers.imaging.marks import LEFT_EYE, RIGHT_EYE, Mask, polygon
from workers.imaging.planes import both_cheeks, has_skin, lab
from workers.imaging.ranks import median, percentile
from workers.imaging.scene import Scene

CODES = ("glasses",)
_DIM_EYE = 25.0
"""L* between the white and the black of an eye: less is seen through a tinted lens, or with closed eyes."""


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None:
        return
    zone = _around_eyes(scene) if has_skin(scene) else None
    eyes = polygon(scene, LEFT_EYE) | polygon(scene, RIGHT_EYE) if zone is not None else None
    if zone is None or eyes is None or not zone.any() or not eyes.any():
        yield skipped("glasses")
        return
    tones, where = lab(scene)[..., 0], scene.around((*LEFT_EYE, *RIGHT_EYE), 0.2)
    cheek = max(5.0, median(tones[both_cheeks(scene)]))
    dark = max(0.0, 1 - percentile(tones[zone], 75) / cheek)
    lids = tones[eyes]
    black, white = percentile(lids, 10), percentile(lids, 90)
    tint = dark if white - black < _DIM_EYE else 0.0
    yield worst(
        judged(scene, "glasses", dark, "dark", where),
        judged(scene, "glasses", tint, "dark", where, "tinted_lens"),
    )


def _around_eyes(scene: Scene) -> Mask:
    assert scene.marks is not None and scene.portrait is not None
    plane = np.zeros(scene.portrait.shape[:2], np.uint8)
    for eye in (LEFT_EYE, RIGHT_EYE):
        spots = scene.marks[list(eye), :2]
        (x, y), wide = spots.mean(0), float(np.ptp(spots[:, 0]))
        axes = (max(1, int(0.75 * wide)), max(1, int(0.5 * wide)))
        cv2.ellipse(plane, (int(x), int(y + 0.12 * wide)), axes, 0, 0, 360, (1,), -1)
    return (plane > 0) & ~polygon(scene, LEFT_EYE, 0.25) & ~polygon(scene, RIGHT_EYE, 0.25)
