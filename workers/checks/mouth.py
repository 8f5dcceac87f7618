"""`mouth`, `expression`: lips apart (ISO/IEC 29794-5 MouthClosed, opening by mid-eye to chin), smile, brows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check
from workers.checks.common import LIPS, judged
from workers.imaging.scene import PUPILS, Scene

CODES = ("mouth", "expression")
_UPPER, _LOWER, _CHIN = 13, 14, 152
_BROWS = 0.8  # raised brows are read off less surely than a smile


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None or scene.marks is None:
        return
    marks, shapes = scene.marks[:, :2], scene.face.shapes
    height = float(np.linalg.norm(marks[_CHIN] - marks[list(PUPILS)].mean(0)))
    opening = float(np.linalg.norm(marks[_UPPER] - marks[_LOWER])) / max(1.0, height)
    where = scene.around(LIPS, 0.15)
    yield judged(scene, "mouth", opening, "open", where)
    smile = (shapes["mouthSmileLeft"] + shapes["mouthSmileRight"]) / 2
    brows = max(shapes["browInnerUp"], shapes["browOuterUpLeft"], shapes["browOuterUpRight"]) * _BROWS
    yield judged(scene, "expression", max(smile, brows), "smile" if smile >= brows else "brows", where)
