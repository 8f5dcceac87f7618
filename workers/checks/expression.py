"""`expression`: a smile or raised brows, from the landmark model's shapes (0..1)."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import in_profile, judged
from workers.imaging.marks import LIPS
from workers.imaging.scene import Scene

CODES = ("expression",)
_BROWS = 0.8  # raised brows are read off less surely than a smile


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None or scene.marks is None or in_profile(scene):
        return
    shapes = scene.face.shapes
    smile = (shapes["mouthSmileLeft"] + shapes["mouthSmileRight"]) / 2
    brows = max(shapes["browInnerUp"], shapes["browOuterUpLeft"], shapes["browOuterUpRight"]) * _BROWS
    fault = "smile" if smile >= brows else "brows"
    yield judged(scene, "expression", max(smile, brows), fault, scene.around(LIPS, 0.15))
