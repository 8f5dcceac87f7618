"""`face_count`: exactly one face (ISO/IEC 29794-5 SingleFacePresent, as a count)."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check, CheckVerdict
from workers.imaging.scene import Scene

CODES = ("face_count",)
SMALLEST = 0.2
"""A second face narrower than this part of the largest is a print on a shirt or a poster far away: background."""


def look(scene: Scene) -> Iterator[Check]:
    faces = [face for face in scene.faces if face.width >= SMALLEST * scene.faces[0].width]
    fault, region = "", None
    if not faces:
        fault = "none"
    elif len(faces) > 1:
        fault = "several"
        low, high = faces[1].points[:, :2].min(0), faces[1].points[:, :2].max(0)
        region = (int(low[0]), int(low[1]), max(1, int(high[0] - low[0])), max(1, int(high[1] - low[1])))
    verdict = CheckVerdict.FAIL if fault else CheckVerdict.PASS
    yield Check("face_count", verdict, float(len(faces)), "", 1, 1, region, fault)
