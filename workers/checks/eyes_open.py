"""`eyes_open`: closed or squinting eyes, from the landmark model's blink (0 open, 1 closed) of the more closed eye."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import in_profile, judged
from workers.imaging.marks import LEFT_EYE, RIGHT_EYE
from workers.imaging.scene import Scene

CODES = ("eyes_open",)


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None or scene.marks is None or in_profile(scene):
        return
    blink = max(scene.face.shapes["eyeBlinkLeft"], scene.face.shapes["eyeBlinkRight"])
    yield judged(scene, "eyes_open", blink, "closed", scene.around((*LEFT_EYE, *RIGHT_EYE), 0.1))
