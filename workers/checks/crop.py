"""`crop` with `hair_top`, `eye_line`, `face_width`, `centre`: a crop within all limits, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Box, Check, CheckVerdict
from workers.checks.common import judged
from workers.imaging.conflict import conflict
from workers.imaging.crop import MEASURES
from workers.imaging.scene import Scene

CODES = ("crop", *MEASURES)

_FAULTS = {
    "hair_top": ("high", "low"),
    "eye_line": ("eyes_high", "eyes_low"),
    "face_width": ("too_far", "too_close"),
    "centre": ("left", "right"),
}
"""What is wrong when a measure lies under its lower or over its upper limit."""

_FIRST = ("too_close", "too_far", "high", "low", "eyes_high", "eyes_low", "left", "right")


def look(scene: Scene) -> Iterator[Check]:
    crop, head = scene.crop, scene.head
    if crop is None or head is None:
        return
    faults = []
    for code in MEASURES:
        low, _high = scene.rule.limit(code).fail
        value = crop.values[code]
        fault = _FAULTS[code][int(low is None or value >= low)]
        check = judged(scene, code, value, fault, _where(scene, code))
        if check.verdict is CheckVerdict.FAIL:
            faults.append(check.fault)
        yield check
    verdict = CheckVerdict.FAIL if faults else CheckVerdict.PASS
    yield Check("crop", verdict, fault=_cause(scene, faults), region=crop.box if faults else None)


def _cause(scene: Scene, faults: list[str]) -> str:
    """What a student acts on first: what the picture lacks, or, in a finished file, what is wrong in it."""
    assert scene.head is not None
    if not faults:
        return ""
    if scene.finished:
        if "high" in faults and "eyes_low" in faults:  # no room above the hair while the eyes lie low: a big head
            return "too_close"
        return next(fault for fault in _FIRST if fault in faults)
    causes = conflict(scene.head, scene.picture.width, scene.picture.height, scene.rule)
    return causes[0] if causes else next(fault for fault in _FIRST if fault in faults)


def _where(scene: Scene, code: str) -> Box:
    assert scene.head is not None and scene.crop is not None
    head, (x, y, width, _) = scene.head, scene.crop.box
    left, wide = round(head.cheek_left), max(1, round(head.face_width))
    if code == "hair_top":
        return (left, min(y, round(head.hair_top)), wide, max(1, abs(round(head.hair_top) - y)))
    if code == "centre":
        return (x, round(head.eye_line), width, 1)
    return (left, round(head.eye_line), wide, 1)
