"""`roll`, `yaw`, `pitch`: the head tilted, turned, raised or lowered (ISO/IEC 29794-5 HeadPose, in degrees)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check
from workers.checks.common import judged
from workers.imaging.scene import OVAL, PUPILS, Scene

CODES = ("roll", "yaw", "pitch")


def look(scene: Scene) -> Iterator[Check]:
    face = scene.face
    if face is None or scene.marks is None:
        return
    where = scene.around(OVAL)
    right, left = face.points[PUPILS[0], :2], face.points[PUPILS[1], :2]
    roll = float(np.degrees(np.arctan2(left[1] - right[1], left[0] - right[0])))  # the pupil line: exact to a pixel
    yield judged(scene, "roll", roll, "clockwise" if roll > 0 else "anticlockwise", where)
    yield judged(scene, "yaw", face.yaw, "turned_left" if face.yaw > 0 else "turned_right", where)
    yield judged(scene, "pitch", face.pitch, "lowered" if face.pitch > 0 else "raised", where)
