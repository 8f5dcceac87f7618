"""`eyes_open`, `gaze`: closed or squinting eyes, and eyes that look away, from MediaPipe's blendshapes (0..1)."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import LEFT_EYE, RIGHT_EYE, judged
from workers.imaging.scene import Scene

CODES = ("eyes_open", "gaze")


def look(scene: Scene) -> Iterator[Check]:
    face = scene.face
    if face is None or scene.marks is None:
        return
    shapes = face.shapes
    where = scene.around((*LEFT_EYE, *RIGHT_EYE), 0.1)
    blink = max(shapes["eyeBlinkLeft"], shapes["eyeBlinkRight"])
    yield judged(scene, "eyes_open", blink, "closed", where)
    aside = abs(
        shapes["eyeLookOutLeft"] - shapes["eyeLookInLeft"] + shapes["eyeLookInRight"] - shapes["eyeLookOutRight"]
    )
    up = (shapes["eyeLookUpLeft"] + shapes["eyeLookUpRight"]) / 2
    down = (shapes["eyeLookDownLeft"] + shapes["eyeLookDownRight"]) / 2
    yield judged(scene, "gaze", max(aside / 2, up, down), "away", where)
