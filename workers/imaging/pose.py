"""Head pose in degrees, from measures that fail differently: the landmark model's matrix and plain geometry.

The model's matrix spreads by 2 to 4 degrees on people who look straight ahead (noses and chins differ). Geometry has
other errors. An angle counts as far as all measures show it: the smallest when they agree on the side.
Positive: yaw turned to the person's left, pitch lowered, roll clockwise as seen.
"""

from __future__ import annotations

import numpy as np

from workers.imaging.models import PUPILS, Face, Plane

_PAIRS = (
    (33, 263), (133, 362), (234, 454), (127, 356), (61, 291), (172, 397), (70, 300), (105, 334), (98, 327),
    (205, 425), (150, 379), (54, 284),
)  # fmt: skip
"""Landmarks that mirror each other: their mean difference is the head's left-right axis."""

_EYE_CORNERS = (33, 263)
_NOSE_TIP, _UNDER_NOSE, _CHEEKS = (1, 4), (2, 94), (234, 454)

_NOSE_BEFORE_EYES = 0.6
"""How far the nose tip stands before the outer corners of the eyes, in their distance (canonical face model: 0.57)."""

_LYING = 90
"""Degrees beyond which the picture is turned, not the head; there the two measures' sides mean nothing."""

_NOSE_BEFORE_LIP = 0.117
_NOSE_DROP = 0.073
"""How far the tip stands before and above the nose's base, in face widths, on an upright head."""


def yaw(face: Face) -> float:
    """Head turned: matrix, mirror axis in depth, and where the nose tip lies between the eyes."""
    axis = _axis(face)
    across = axis[:2] / np.linalg.norm(axis[:2])
    left, right = (float(face.points[mark, :2] @ across) for mark in _EYE_CORNERS)
    tip = float(face.points[_NOSE_TIP[0], :2] @ across)
    aside = (tip - (left + right) / 2) / max(1.0, right - left)
    depth = float(np.degrees(np.arctan2(axis[2], np.linalg.norm(axis[:2]))))
    return agreed(face.yaw, depth, float(np.degrees(np.arctan(aside / _NOSE_BEFORE_EYES))))


def pitch(face: Face) -> float:
    """Head raised or lowered: matrix, and how the nose tip rises above or sinks to its base (foreshortening)."""
    axis = _axis(face)[:2]
    down = np.array([-axis[1], axis[0]]) / np.linalg.norm(axis)
    tip, base = (face.points[list(marks), :2].mean(0) @ down for marks in (_NOSE_TIP, _UNDER_NOSE))
    rise = float(tip - base) / max(1.0, float(np.linalg.norm(np.diff(face.points[list(_CHEEKS), :2], axis=0))))
    return agreed(face.pitch, float(np.degrees((rise + _NOSE_DROP) / _NOSE_BEFORE_LIP)))


def roll(face: Face) -> float:
    """Head tilted: the pupil line, the mirror axis in the picture, and the matrix.

    A head that is turned and lowered at once slants the first two by the product of both angles without any tilt.
    """
    right, left = face.points[list(PUPILS), :2]
    pupils, axis = _angle(left - right), _angle(_axis(face)[:2])
    return pupils if abs(pupils) > _LYING else agreed(pupils, axis, face.roll)


def agreed(*angles: float) -> float:
    """The angle that all measures show: the smallest where they agree on the side, else none."""
    sides = {angle > 0 for angle in angles}
    return min(angles, key=abs) if len(sides) == 1 else 0.0


def _axis(face: Face) -> Plane:
    pairs = np.array(_PAIRS)
    return np.asarray((face.points[pairs[:, 1]] - face.points[pairs[:, 0]]).mean(0), np.float32)


def _angle(line: Plane) -> float:
    return float(np.degrees(np.arctan2(line[1], line[0])))
