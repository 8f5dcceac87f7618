"""Finds the faces of a picture: as it stands, lying on its side or upside down, and at last with less demand.

A picture is never turned for delivery. It is only looked at from another side, so that the student hears "turn the
picture" or "face the camera" instead of "no face".
"""

from __future__ import annotations

import numpy as np

from workers.imaging.models import Face, Models, Plane, Rgb

_LARGE = 0.1
"""A face found on a turned copy must be this part of the picture's short side: smaller ones are chance finds."""

_TILTED = 45.0
_SURE = 0.87
"""From here on the detector's face is the right way up: of 916 upside down it was at most 0.83 sure."""
_SURER = 0.05
"""By how much surer of the turned copy it must be. The right way up was always surer, by 0.1 in 99 of 100 pictures."""

_PERSON = 0.8
"""Mean person confidence within an oval that only the less demanding detector takes for a face."""


def find(rgb: Rgb, models: Models) -> list[Face]:
    """All faces, the largest first, in pixels of `rgb` (a copy of at most 1280 pixels)."""
    faces = models.faces(rgb)
    if faces:
        return _other_way_up(faces, rgb, models)
    for turns in (1, 3, 2):
        turned = models.faces(_turn(rgb, turns))
        if turned and _upright(turned[0], rgb):
            return [_back(face, turns, rgb) for face in turned]
    return [face for face in models.faint_faces(rgb) if _is_person(face, rgb, models)]


def _upright(face: Face, rgb: Rgb) -> bool:
    """Whether this, found on a turned copy, is why the copy was turned."""
    return face.width >= _LARGE * min(rgb.shape[:2]) and abs(face.roll) < _TILTED


def _other_way_up(faces: list[Face], rgb: Rgb, models: Models) -> list[Face]:
    """The faces of the picture turned upside down, where the detector is clearly surer of those.

    The landmark model lays its mesh on an upside-down face, too, with the eyes on the mouth.
    """
    sure = models.sureness(rgb)
    if sure >= _SURE:
        return faces
    turned = models.faces(_turn(rgb, 2)) if models.sureness(rgb[::-1, ::-1]) > sure + _SURER else []
    return [_back(face, 2, rgb) for face in turned] or faces


def _is_person(face: Face, rgb: Rgb, models: Models) -> bool:
    """Whether the segmenter, too, sees a person there."""
    height, width = rgb.shape[:2]
    low, high = face.points[:, :2].min(0), face.points[:, :2].max(0)
    pad = high - low
    x0, y0 = (int(max(0, value)) for value in low - pad)
    x1, y1 = (int(min(size, value)) for size, value in zip((width, height), high + pad, strict=True))
    if x1 - x0 < 16 or y1 - y0 < 16:
        return False
    mask = models.mask(np.ascontiguousarray(rgb[y0:y1, x0:x1]))
    inner = (face.points[:, :2] - (x0, y0)).astype(int)
    inner = inner[(inner >= 0).all(1) & (inner < (x1 - x0, y1 - y0)).all(1)]
    return bool(inner.size) and float(mask[inner[:, 1], inner[:, 0]].mean()) > _PERSON


def _turn(rgb: Rgb, turns: int) -> Rgb:
    """A copy turned anticlockwise by quarter turns."""
    return np.ascontiguousarray(np.rot90(rgb, turns))


def _back(face: Face, turns: int, rgb: Rgb) -> Face:
    """A face of the turned copy, in the picture itself."""
    height, width = rgb.shape[:2]
    x, y, z = face.points.T
    spots = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns]
    points: Plane = np.stack([*spots, z], axis=1).astype(np.float32)
    return Face(points, face.shapes, face.yaw, face.pitch, face.roll + 90 * turns)
