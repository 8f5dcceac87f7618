"""`roll`: the head tilted to a side, or the whole picture turned (ISO/IEC 29794-5 HeadPose, degrees)."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import judged
from workers.imaging import pose
from workers.imaging.scene import OVAL, Scene

CODES = ("roll",)
_TURNED = 45  # beyond this nobody holds the head: the picture itself lies on its side or upside down


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None or scene.marks is None:
        return
    angle = pose.roll(scene.face)
    fault = "clockwise" if angle > 0 else "anticlockwise"
    yield judged(scene, "roll", angle, "picture_turned" if abs(angle) > _TURNED else fault, scene.around(OVAL))
