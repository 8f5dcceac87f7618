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
from workers.checks.marks import LEFT_EYE, RIGHT_EYE, polygon
from workers.checks.planes import grey
from workers.imaging.scene import OVAL, Scene

CODES = ("sharpness",)


def look(scene: Scene) -> Iterator[Check]:
    if scene.portrait is None or scene.mask is None:
        return
    eyes = polygon(scene, LEFT_EYE, 0.6) | polygon(scene, RIGHT_EYE, 0.6)
    if eyes.sum() < 100:
        yield skipped("sharpness")
        return
    plain = grey(scene)
    fine, coarse = cv2.GaussianBlur(plain, (0, 0), 1.0), cv2.GaussianBlur(plain, (0, 0), 2.0)
    detail = np.percentile(np.abs(plain - fine)[eyes], 90) / (np.percentile(np.abs(fine - coarse)[eyes], 90) + 1e-6)
    yield judged(scene, "sharpness", float(detail), "blurred", scene.around(OVAL))
