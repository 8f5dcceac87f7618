"""`background_uniform`, `background_colour`: what lies behind the person, away from the silhouette, in CIELAB."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from app.rules.report import Box, Check, CheckVerdict
from workers.checks.common import Mask, Plane, judged, portrait_lab, skipped
from workers.imaging.colour import lab
from workers.imaging.scene import Scene, wanted_background

CODES = ("background_uniform", "background_colour")
_CLEAR = 12  # pixels kept away from the silhouette: loose hair is not background
_CHIN = 152
_BELOW_CHIN = 0.15  # of the face's width
_LEAST = 0.02  # part of the picture that must be background to say anything


def wall(scene: Scene) -> Mask:
    """The pixels that are surely background."""
    assert scene.mask is not None
    person = (scene.mask > 0.15).astype(np.uint8)
    seen = cv2.dilate(person, np.ones((2 * _CLEAR + 1,) * 2, np.uint8)) == 0
    if scene.marks is not None:  # below the chin the mask may lose a shoulder, which is no fault of the wall's
        chin, wide = scene.marks[_CHIN, 1], abs(scene.marks[454, 0] - scene.marks[234, 0])
        seen[int(np.clip(chin + _BELOW_CHIN * wide, 0, seen.shape[0])) :] = False
    return np.asarray(seen, np.bool_)


def look(scene: Scene) -> Iterator[Check]:
    if scene.mask is None or scene.portrait is None:
        return
    seen = wall(scene)
    if seen.mean() < _LEAST:
        yield skipped("background_uniform")
        yield skipped("background_colour")
        return
    tones = portrait_lab(scene)
    middle = np.median(tones[seen], axis=0)
    away = np.asarray(np.linalg.norm(tones - middle, axis=-1), np.float32)
    stray = float(np.percentile(away[seen], 98))
    yield judged(scene, "background_uniform", stray, "uneven", _worst(scene, away, seen))
    yield _colour(scene, middle, seen)


def _worst(scene: Scene, away: Plane, seen: Mask) -> Box | None:
    """The largest place that strays from the wall's colour."""
    limit = scene.rule.limit("background_uniform").warn[1] or 0.0
    wrong = cv2.medianBlur(((away > limit) & seen).astype(np.uint8), 5)
    count, _, stats, _ = cv2.connectedComponentsWithStats(wrong)
    if count < 2:
        return None
    x, y, width, height, _ = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    return scene.box(float(x), float(y), float(width), float(height))


def _colour(scene: Scene, middle: Plane, seen: Mask) -> Check:
    name = wanted_background(scene, middle)
    target = lab(np.array([[scene.rule.backgrounds[name]]], np.uint8))[0, 0]
    if scene.policy == "replace":  # any plain, not too dark wall will do; the colour is painted
        return judged(scene, "background_colour", float(middle[0]), "dark_wall", limit="wall_lightness")
    away = float(np.linalg.norm(middle - target))
    check = judged(scene, "background_colour", away, "not_" + name)
    if check.verdict is CheckVerdict.PASS:
        return check
    y, x = np.nonzero(seen)
    return judged(
        scene,
        "background_colour",
        away,
        "not_" + name,
        scene.box(float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y))),
    )
