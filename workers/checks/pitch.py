"""`pitch`: the head raised or lowered (ISO/IEC 29794-5 HeadPose, degrees)."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import judged, steepest
from workers.imaging import pose
from workers.imaging.scene import OVAL, Scene

CODES = ("pitch",)


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None or scene.marks is None:
        return
    angle = steepest(scene, "pitch", pose.pitch(scene.face), scene.face.pitch)
    yield judged(scene, "pitch", angle, "lowered" if angle > 0 else "raised", scene.around(OVAL))
