"""Landmarks of the face mesh by name, and the areas of the portrait that they enclose.

Left and right are as seen in the picture.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from workers.imaging.scene import Scene

Mask = npt.NDArray[np.bool_]

LEFT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
RIGHT_EYE = (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382)
LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
LEFT_CHEEK, RIGHT_CHEEK = (50, 101, 36, 205, 187, 147), (280, 330, 266, 425, 411, 376)
SIDES = (234, 454)
"""Where the cheeks end, left and right: the face's width."""
FOREHEAD, NOSE_ROOT, NOSE_TIP, UNDER_NOSE, CHIN = 10, 168, 1, 2, 152
UPPER_LIP, LOWER_LIP = 13, 14


def width(scene: Scene) -> float:
    """Cheek to cheek in output pixels, at least 1."""
    assert scene.marks is not None
    return max(1.0, float(abs(scene.marks[SIDES[1], 0] - scene.marks[SIDES[0], 0])))


def polygon(scene: Scene, points: tuple[int, ...], grow: float = 0.0) -> Mask:
    """The area of the portrait within these landmarks, grown by `grow` of its own size."""
    assert scene.portrait is not None
    area = np.zeros(scene.portrait.shape[:2], np.bool_)
    fill(scene, area, points, grow, True)
    return area


def fill(scene: Scene, area: Mask, points: tuple[int, ...], grow: float, value: bool) -> None:
    """Set the area of these landmarks, grown by `grow` of its own size, in a mask of the portrait."""
    assert scene.marks is not None
    spots = scene.marks[list(points), :2]
    spots = spots.mean(0) + (spots - spots.mean(0)) * (1 + grow)
    cv2.fillPoly(area.view(np.uint8), [np.rint(spots).astype(np.int32)], (int(value),))
