"""What models are shown of a picture besides the whole: head and shoulders, and what is above the eyes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from workers.imaging.models import PUPILS, Face

Rgb = npt.NDArray[np.uint8]
Region = tuple[float, float, float, float]
"""x, y, width, height in pixels of the upright original; may reach beyond the picture."""

_SHOULDERS = (384, 512)  # width, height at which head and shoulders are shown
_NARROWEST = 0.72
"""Part of its height to which a face is at least as wide: from the side its cheeks lie close together."""

_ABOVE, _HIGH = 224, 1.5
"""What is above the eyes: the side of the view in pixels, and in widths of the face."""
_EYES_AT = 0.97
"""Part of that view, from its top, where the eyes are."""


def head_and_shoulders(small: Rgb, face: Face, ratio: float) -> tuple[Region, Rgb]:
    """A region around a face and its pixels; `ratio` is pixels of the original per pixel of `small`."""
    left, right = face.points[234, :2] / ratio, face.points[454, :2] / ratio
    wide = _wide(face) / ratio
    middle, eyes = (left[0] + right[0]) / 2, face.points[list(PUPILS), 1].mean() / ratio
    width, height = 2.9 * wide, 2.9 * wide * _SHOULDERS[1] / _SHOULDERS[0]
    x, y = middle - width / 2, eyes - 0.46 * height
    across, down = _SHOULDERS[0] / width, _SHOULDERS[1] / height
    matrix = np.array([[across, 0, -x * across], [0, down, -y * down]])
    view = cv2.warpAffine(small, matrix, _SHOULDERS, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return (x * ratio, y * ratio, width * ratio, height * ratio), np.ascontiguousarray(view)


def above_eyes(small: Rgb, face: Face, ratio: float) -> Rgb:
    """The square above the eyes, upright with the head."""
    side = _HIGH * _wide(face) / ratio
    whole = max(1, int(side / _ABOVE))  # means first, as the warp looks at four pixels only
    if whole > 1:
        height, width = small.shape[:2]
        small = np.asarray(cv2.resize(small, (width // whole, height // whole), interpolation=cv2.INTER_AREA), np.uint8)
    left, right = face.points[list(PUPILS), :2] / (ratio * whole)
    (x, y), (across, down) = (left + right) / 2, right - left
    angle = float(np.degrees(np.arctan2(down, across)))
    turn = cv2.getRotationMatrix2D((float(x), float(y)), angle, _ABOVE * whole / side)
    turn[:, 2] += (_ABOVE / 2 - x, _ABOVE * _EYES_AT - y)
    return np.asarray(cv2.warpAffine(small, turn, (_ABOVE, _ABOVE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _wide(face: Face) -> float:
    """The face's width as seen from the front, in pixels of its points."""
    tall = float(np.linalg.norm(face.points[10, :2] - face.points[152, :2]))
    return max(8.0, face.width, _NARROWEST * tall)
