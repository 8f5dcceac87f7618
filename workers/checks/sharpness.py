"""`sharpness`: blur and enlargement.

Compares the finest detail around the eyes (what a blur of 1 px takes away) with the next coarser one (1 to 2 px): a
sharp picture has as much of both, whatever its contrast; blur and enlargement remove the finest.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from app.rules.report import Check
from workers.checks.common import judged, skipped
from workers.imaging.marks import LEFT_EYE, RIGHT_EYE, polygon
from workers.imaging.planes import grey
from workers.imaging.ranks import percentile
from workers.imaging.scene import OVAL, Scene

CODES = ("sharpness",)
_REACH = 10  # pixels: the wider blur looks 8 far


def look(scene: Scene) -> Iterator[Check]:
    if scene.portrait is None or scene.mask is None:
        return
    eyes = polygon(scene, LEFT_EYE, 0.6) | polygon(scene, RIGHT_EYE, 0.6)
    if np.count_nonzero(eyes) < 100:
        yield skipped("sharpness")
        return
    x, y, width, height = cv2.boundingRect(eyes.view(np.uint8))
    near = (slice(max(0, y - _REACH), y + height + _REACH), slice(max(0, x - _REACH), x + width + _REACH))
    plain, eyes = grey(scene)[near], eyes[near]
    fine, coarse = cv2.GaussianBlur(plain, (0, 0), 1.0), cv2.GaussianBlur(plain, (0, 0), 2.0)
    finest, next_finest = np.abs(plain[eyes] - fine[eyes]), np.abs(fine[eyes] - coarse[eyes])
    detail = percentile(finest, 90) / (percentile(next_finest, 90) + 1e-6)
    yield judged(scene, "sharpness", detail, "blurred", scene.around(OVAL))
