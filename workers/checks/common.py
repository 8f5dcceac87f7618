"""What the check files share: turning a measure into a finding, and the patches of skin they look at."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from app.rules.report import Box, Check, CheckVerdict
from workers.imaging.colour import lab
from workers.imaging.scene import OVAL, Scene

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LEFT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
RIGHT_EYE = (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382)
LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
LEFT_CHEEK, RIGHT_CHEEK = (50, 101, 36, 205, 187, 147), (280, 330, 266, 425, 411, 376)
"""Left and right as seen in the picture."""


def judged(scene: Scene, code: str, value: float, fault: str = "", region: Box | None = None, limit: str = "") -> Check:
    """The finding for a measured value under the rule's limit of this code (or of `limit`)."""
    bounds = scene.rule.limit(limit or code)
    verdict = bounds.judge(round(value, 4))
    low, high = bounds.shown
    bad = verdict is not CheckVerdict.PASS
    return Check(code, verdict, round(value, 4), bounds.unit, low, high, region if bad else None, fault if bad else "")


def skipped(code: str) -> Check:
    """A check that could not look."""
    return Check(code, CheckVerdict.SKIPPED)


def polygon(scene: Scene, points: tuple[int, ...], grow: float = 0.0) -> Mask:
    """The area of the portrait within these landmarks, grown by `grow` of its own size."""
    assert scene.marks is not None and scene.portrait is not None
    spots = scene.marks[list(points), :2]
    spots = spots.mean(0) + (spots - spots.mean(0)) * (1 + grow)
    plane = np.zeros(scene.portrait.shape[:2], np.uint8)
    cv2.fillPoly(plane, [np.rint(spots).astype(np.int32)], (1,))
    return plane > 0


def skin(scene: Scene) -> Mask:
    """Face without eyes, brows and lips."""
    face = polygon(scene, OVAL, -0.08)
    for part, grow in ((LEFT_EYE, 0.5), (RIGHT_EYE, 0.5), (LEFT_BROW, 0.3), (RIGHT_BROW, 0.3), (LIPS, 0.2)):
        face &= ~polygon(scene, part, grow)
    return face


def cheeks(scene: Scene) -> Mask:
    """Both cheeks."""
    return polygon(scene, LEFT_CHEEK) | polygon(scene, RIGHT_CHEEK)


def portrait_lab(scene: Scene) -> Plane:
    """CIELAB of the portrait, computed once."""
    cached = scene.cache.get("lab")
    if cached is None:
        assert scene.portrait is not None
        cached = scene.cache["lab"] = lab(scene.portrait)
    return cached
