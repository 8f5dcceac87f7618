"""`yaw`: the head turned to a side (ISO/IEC 29794-5 HeadPose, degrees)."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import judged, steepest
from workers.imaging import pose
from workers.imaging.scene import OVAL, Scene

CODES = ("yaw",)


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None or scene.marks is None:
        return
    angle = steepest(scene, "yaw", pose.yaw(scene.face), scene.face.yaw)
    yield judged(scene, "yaw", angle, "turned_left" if angle > 0 else "turned_right", scene.around(OVAL))
