"""`compression`: JPEG blocks in the pixels as they were sent, and noise."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from cv2.typing import MatLike

from app.rules.report import Check
from workers.checks.common import judged, worst
from workers.imaging.planes import Plane, grey, skin, wall
from workers.imaging.ranks import median
from workers.imaging.scene import Scene

CODES = ("compression",)
_FLAT = 0.5  # grey levels: steps as small as this on a flat wall are nobody's blocks
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # Immerkaer 1996: blind to edges and slopes


def look(scene: Scene) -> Iterator[Check]:
    if scene.portrait is None or scene.mask is None:
        return
    spots = skin(scene) | wall(scene)
    noise = median(np.abs(cv2.filter2D(grey(scene), -1, _NOISE)[spots])) / 6 / 0.6745 if spots.any() else 0.0
    yield worst(
        judged(scene, "compression", blockiness(scene), "blocks"),
        judged(scene, "compression", noise, "noise", limit="noise"),
    )


def blockiness(scene: Scene) -> float:
    """How much stronger steps are on an 8-pixel grid than off it, in the pixels as they were sent; 1 is none."""
    rgb = scene.picture.rgb
    if min(rgb.shape[:2]) < 64 or scene.picture.scale < 1:  # reduced while decoding: nothing of the grid is left
        return 1.0
    plain = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    across, down = cv2.absdiff(plain[:, 1:], plain[:, :-1]), cv2.absdiff(plain[1:], plain[:-1])
    return (_grid(_means(across, 0)) + _grid(_means(down, 1))) / 2


def _means(steps: MatLike, axis: int) -> Plane:
    return np.asarray(cv2.reduce(steps, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F), np.float32).ravel()


def _grid(steps: Plane) -> float:
    phases = [float(np.mean(steps[first::8])) for first in range(8)]
    middle = float(np.median(phases))
    return (max(phases) + _FLAT) / (middle + _FLAT)
