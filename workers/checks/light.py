"""`exposure`, `lighting`, `natural_colour`: measured on the skin of the face.

Lightness is CIELAB L* of the brighter skin (95th percentile), so that dark skin is not taken for a dark picture.
Lighting is ISO/IEC 29794-5 IlluminationUniformity: the overlap of the cheeks' luminance histograms, to the power 0.3.
Natural colour is the distance of the cheeks from the standard's box a* 5..25, b* 5..35.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check, CheckVerdict
from workers.checks.common import LEFT_CHEEK, RIGHT_CHEEK, Mask, cheeks, judged, polygon, portrait_lab, skin, skipped
from workers.imaging.colour import luminance
from workers.imaging.scene import OVAL, Scene

CODES = ("exposure", "lighting", "natural_colour")
_BINS = 64
_BLOWN = 252  # of 255, the brightest channel


def look(scene: Scene) -> Iterator[Check]:
    if scene.portrait is None or scene.mask is None or scene.marks is None:
        return
    tones, face = portrait_lab(scene), skin(scene)
    if face.sum() < 200 or cheeks(scene).sum() < 50 or not (scene.mask > 0.5).any():
        yield from map(skipped, CODES)
        return
    yield _exposure(scene, float(np.percentile(tones[face][:, 0], 95)), face)
    yield _lighting(scene)
    yield _natural(scene)


def _exposure(scene: Scene, light: float, face: Mask) -> Check:
    assert scene.portrait is not None
    blown = float((scene.portrait[face].max(axis=1) >= _BLOWN).mean() * 100)
    where = scene.around(OVAL)
    lightness = judged(scene, "exposure", light, "dark" if light < 60 else "bright", where, "face_lightness")
    clipped = judged(scene, "exposure", blown, "blown", where, "blown")
    order = (CheckVerdict.PASS, CheckVerdict.WARN, CheckVerdict.FAIL)
    return max(lightness, clipped, key=lambda check: order.index(check.verdict))


def _lighting(scene: Scene) -> Check:
    assert scene.portrait is not None
    light = luminance(scene.portrait)
    one, other = (_histogram(light[polygon(scene, side)]) for side in (LEFT_CHEEK, RIGHT_CHEEK))
    overlap = float(np.minimum(one, other).sum()) ** 0.3
    return judged(scene, "lighting", overlap, "one_side", scene.around(OVAL))


def _histogram(values: np.ndarray) -> np.ndarray:
    counts = np.histogram(values, bins=_BINS, range=(0, 1))[0].astype(float)
    return counts / max(1.0, counts.sum())


def _natural(scene: Scene) -> Check:
    assert scene.mask is not None
    tones = portrait_lab(scene)
    _, a, b = np.median(tones[cheeks(scene)], axis=0)
    away = float(np.hypot(max(0, 5 - a, a - 25), max(0, 5 - b, b - 35)))
    chroma = float(np.percentile(np.hypot(tones[..., 1], tones[..., 2])[scene.mask > 0.5], 95))
    grey = scene.rule.limit("colourfulness").judge(chroma) is CheckVerdict.FAIL
    if grey:
        return judged(scene, "natural_colour", chroma, "grey", scene.around(OVAL), "colourfulness")
    return judged(scene, "natural_colour", away, "cast", scene.around(OVAL))
