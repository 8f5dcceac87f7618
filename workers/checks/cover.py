"""`glasses`, `occlusion`, `ears`, `headwear`: what covers the face, from the mask, skin colour and landmark geometry.

No ready model for these was found; they only warn, unless the measure proved itself (dark glasses).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from app.rules.report import Check
from workers.checks.common import LEFT_EYE, RIGHT_EYE, Mask, Plane, cheeks, judged, polygon, portrait_lab, skin, skipped
from workers.imaging.scene import OVAL, Scene

CODES = ("glasses", "occlusion", "ears")
_CHEEKS = (234, 454)
_NOSE_ROOT, _NOSE_TIP = 168, 1


def look(scene: Scene) -> Iterator[Check]:
    if scene.portrait is None or scene.mask is None or scene.marks is None:
        return
    face = skin(scene)
    if face.sum() < 200 or not cheeks(scene).any():
        yield from map(skipped, CODES)
        return
    tones = portrait_lab(scene)
    yield _glasses(scene, tones)
    unlike = _unlike(tones, np.median(tones[face], axis=0))
    lower = face & (np.arange(face.shape[0])[:, None] > scene.marks[_NOSE_TIP, 1])
    share = float((unlike[lower] > 15).mean()) if lower.any() else 0.0
    yield judged(scene, "occlusion", share, "covered", scene.around(OVAL))
    yield _ears(scene, tones, unlike)


def _unlike(tones: Plane, reference: Plane) -> Plane:
    """Distance from a skin colour; lightness counts a third, since a face has shadows."""
    weights = np.array([0.35, 1, 1], np.float32)
    return np.asarray(np.linalg.norm((tones - reference) * weights, axis=-1), np.float32)


def _glasses(scene: Scene, tones: Plane) -> Check:
    """Dark lenses: lightness around the eyes (not the eyes themselves), as a part of the cheeks' lightness."""
    zone = _around_eyes(scene)
    cheek = max(5.0, float(np.median(tones[cheeks(scene)][:, 0])))
    dark = 1 - float(np.median(tones[zone][:, 0])) / cheek if zone.any() else 0.0
    return judged(scene, "glasses", max(0.0, dark), "dark", scene.around((*LEFT_EYE, *RIGHT_EYE), 0.2))


def _around_eyes(scene: Scene) -> Mask:
    assert scene.marks is not None and scene.portrait is not None
    plane = np.zeros(scene.portrait.shape[:2], np.uint8)
    for eye in (LEFT_EYE, RIGHT_EYE):
        spots = scene.marks[list(eye), :2]
        (x, y), wide = spots.mean(0), float(np.ptp(spots[:, 0]))
        axes = (max(1, int(0.75 * wide)), max(1, int(0.5 * wide)))
        cv2.ellipse(plane, (int(x), int(y + 0.12 * wide)), axes, 0, 0, 360, (1,), -1)
    return (plane > 0) & ~polygon(scene, LEFT_EYE, 0.25) & ~polygon(scene, RIGHT_EYE, 0.25)


def _ears(scene: Scene, tones: Plane, unlike: Plane) -> Check:
    """Share of skin-coloured person in a strip beside each cheek; the less visible side counts."""
    assert scene.mask is not None and scene.marks is not None
    marks, height, width = scene.marks, *scene.mask.shape
    wide = float(abs(marks[_CHEEKS[1], 0] - marks[_CHEEKS[0], 0]))
    top, bottom = (int(np.clip(v, 0, height)) for v in (marks[_NOSE_ROOT, 1], marks[2, 1]))
    shown = []
    for side, mark in zip((-1, 1), _CHEEKS, strict=True):
        edges = sorted(marks[mark, 0] + side * part * wide for part in (0.015, 0.11))
        left, right = (int(np.clip(v, 0, width)) for v in edges)
        strip = (slice(top, bottom), slice(left, right))
        if strip[0].stop - strip[0].start < 4 or right - left < 2:
            return skipped("ears")
        ear = (scene.mask[strip] > 0.5) & (unlike[strip] < 16)
        shown.append(float(ear.mean()))
    return judged(scene, "ears", max(shown), "hidden", scene.around(_CHEEKS, 0.1))
