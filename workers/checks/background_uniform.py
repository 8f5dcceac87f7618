"""`background_uniform`: objects, shadow, gradient and texture on the wall, away from the silhouette.

Three measures, the worst counts. Stray: the 98th percentile of the CIELAB distance from the wall's median colour, a
gradient or shadow over all of it. Things: the same from the smooth field that fits the wall best, so that a lamp's soft
fall-off on a plain wall counts as little as it is seen, and what has an edge or a shape counts fully. Texture: the 95th
percentile of the Sobel gradient summed over L*, a*, b* (ISO/IEC 29794-5 BackgroundUniformity takes the mean over
luminance), after a light blur that takes away sensor noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from app.rules.report import Box, Check, CheckVerdict
from workers.checks.common import judged, skipped, worst
from workers.imaging.field import smooth
from workers.imaging.marks import Mask
from workers.imaging.planes import (
    Plane,
    distance_between,
    distance_to,
    half_lab,
    has_wall,
    lab,
    once,
    wall,
    wall_colour,
)
from workers.imaging.ranks import percentile
from workers.imaging.scene import Scene

CODES = ("background_uniform",)
_FILTERS = 3  # rows that the blur and the gradient reach down


def look(scene: Scene) -> Iterator[Check]:
    if not has_wall(scene):
        yield skipped("background_uniform")
        return
    seen = wall(scene)
    rows = slice(_lowest(scene))
    away, rough = (percentile(plane(scene)[rows][seen[rows]], part) for plane, part in ((stray, 98), (texture, 95)))
    found = worst(
        judged(scene, "background_uniform", away, "uneven"),
        judged(scene, "background_uniform", _shapes(scene), "uneven", limit="wall_things"),
        judged(scene, "background_uniform", rough, "texture", limit="roughness"),
    )
    yield found if found.verdict is CheckVerdict.PASS else replace(found, region=_worst_place(scene))


@once
def stray(scene: Scene) -> Plane:
    """CIELAB distance of every pixel from the wall's median colour, as far down as the wall is looked at."""
    away = np.zeros(wall(scene).shape, np.float32)
    rows = slice(_lowest(scene))
    away[rows] = distance_to(lab(scene)[rows], wall_colour(scene))
    return away


@once
def things(scene: Scene) -> Plane:
    """CIELAB distance of every pixel from the smooth field of the wall, as far down as the wall is looked at."""
    away = np.zeros(wall(scene).shape, np.float32)
    rows = slice(_lowest(scene))
    away[rows] = _from_field(lab(scene)[rows], wall(scene)[rows])
    return away


def _shapes(scene: Scene) -> float:
    """The 98th percentile of `things`, from every other row and column of the wall."""
    seen = wall(scene)[: _lowest(scene) : 2, ::2]
    return percentile(_from_field(half_lab(scene)[: seen.shape[0]], seen)[seen], 98)


def _from_field(tones: Plane, seen: Mask) -> Plane:
    return distance_between(tones, smooth(tones, seen))


@once
def texture(scene: Scene) -> Plane:
    """CIELAB gradient of every pixel, as far down as the wall is looked at."""
    steep = np.zeros(wall(scene).shape, np.float32)
    lowest = _lowest(scene)
    softened = cv2.GaussianBlur(lab(scene)[: lowest + _FILTERS], (5, 5), 1.2)
    across, down = cv2.Sobel(softened, cv2.CV_32F, 1, 0), cv2.Sobel(softened, cv2.CV_32F, 0, 1)
    np.abs(across, out=across)
    across += np.abs(down, out=down)
    steep[:lowest] = cv2.transform(across[:lowest], np.ones((1, 3), np.float32))
    return steep


def _lowest(scene: Scene) -> int:
    """The row below the last one with wall; at least 1."""
    rows = np.flatnonzero(wall(scene).any(axis=1))
    return int(rows[-1]) + 1 if rows.size else 1


def fault_map(scene: Scene) -> Mask:
    """Where the wall is wrong: it strays from its own colour or field, or is rough, by more than the rule's warning."""
    measures = {"background_uniform": stray, "wall_things": things, "roughness": texture}
    wrong = np.zeros(wall(scene).shape, np.bool_)
    for code, measure in measures.items():
        wrong |= measure(scene) > (scene.rule.limit(code).warn[1] or np.inf)
    return np.asarray(cv2.medianBlur((wrong & wall(scene)).astype(np.uint8), 5) > 0, np.bool_)


def _worst_place(scene: Scene) -> Box | None:
    """The largest wrong place."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(fault_map(scene).astype(np.uint8))
    if count < 2:
        return None
    x, y, width, height, _ = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    return scene.box(float(x), float(y), float(width), float(height))
