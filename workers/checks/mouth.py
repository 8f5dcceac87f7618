"""`mouth`: lips apart (ISO/IEC 29794-5 MouthClosed: opening of the inner lips by mid-eye to chin)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check
from workers.checks.common import in_profile, judged
from workers.imaging.marks import CHIN, LIPS, LOWER_LIP, UPPER_LIP
from workers.imaging.models import PUPILS
from workers.imaging.scene import Scene

CODES = ("mouth",)


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None or scene.marks is None or in_profile(scene):
        return
    spots = scene.marks[:, :2]
    height = float(np.linalg.norm(spots[CHIN] - spots[list(PUPILS)].mean(0)))
    opening = float(np.linalg.norm(spots[UPPER_LIP] - spots[LOWER_LIP])) / max(1.0, height)
    yield judged(scene, "mouth", opening, "open", scene.around(LIPS, 0.15))
