"""`gaze`: the angle in degrees between where the eyes look and the camera.

Eyes that stay on the camera turn against the head: on people who look into it the model's eye shapes follow yaw and
pitch along a line. How far a face lies off that line is how far the look goes past the camera. The four numbers were
fitted on labelled portraits of people who look into the camera (head turned up to 20 degrees).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check
from workers.checks.common import in_profile, judged
from workers.imaging.marks import LEFT_EYE, RIGHT_EYE
from workers.imaging.scene import Scene

CODES = ("gaze",)
_ASIDE = (-0.0311, 0.105)  # eye shape a degree of yaw, and on a straight head
_UP = (0.0218, 0.007)  # the same for pitch


def look(scene: Scene) -> Iterator[Check]:
    face = scene.face
    if face is None or scene.marks is None or in_profile(scene):
        return
    shapes = face.shapes
    aside = shapes["eyeLookOutLeft"] - shapes["eyeLookInLeft"] + shapes["eyeLookInRight"] - shapes["eyeLookOutRight"]
    up = shapes["eyeLookUpLeft"] + shapes["eyeLookUpRight"] - shapes["eyeLookDownLeft"] - shapes["eyeLookDownRight"]
    past_side = (aside / 2 - _ASIDE[1]) / _ASIDE[0] - face.yaw
    past_height = (up / 2 - _UP[1]) / _UP[0] - face.pitch
    where = scene.around((*LEFT_EYE, *RIGHT_EYE), 0.1)
    yield judged(scene, "gaze", float(np.hypot(past_side, past_height)), "away", where)
