"""`sharpness`, `compression`: blur, an upscaled source, JPEG blocks, noise.

Sharpness compares the finest detail around the eyes (what a blur of 1 px takes away) with the next coarser one (1 to
2 px): a sharp picture has as much of both, whatever its contrast; blur and enlargement remove the finest.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from app.rules.report import Check, CheckVerdict
from workers.checks.background import wall
from workers.checks.common import LEFT_EYE, RIGHT_EYE, Plane, judged, polygon, skin, skipped
from workers.imaging.scene import OVAL, Scene

CODES = ("sharpness", "compression")
_FLAT = 0.5  # grey levels: steps as small as this on a flat wall are nobody's blocks
_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # Immerkaer 1996: blind to edges and slopes


def look(scene: Scene) -> Iterator[Check]:
    if scene.portrait is None or scene.mask is None:
        return
    grey = cv2.cvtColor(scene.portrait, cv2.COLOR_RGB2GRAY).astype(np.float32)
    eyes = polygon(scene, LEFT_EYE, 0.6) | polygon(scene, RIGHT_EYE, 0.6)
    if eyes.sum() < 100:
        yield skipped("sharpness")
    else:
        fine, coarse = cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.GaussianBlur(grey, (0, 0), 2.0)
        detail = np.percentile(np.abs(grey - fine)[eyes], 90) / (np.percentile(np.abs(fine - coarse)[eyes], 90) + 1e-6)
        yield judged(scene, "sharpness", float(detail), "blurred", scene.around(OVAL))
    yield _compression(scene, grey)


def _compression(scene: Scene, grey: Plane) -> Check:
    blocks = judged(scene, "compression", blockiness(scene), "blocks")
    spots = skin(scene) | wall(scene)
    noise = float(np.median(np.abs(cv2.filter2D(grey, -1, _NOISE))[spots]) / 6 / 0.6745) if spots.any() else 0.0
    grain = judged(scene, "compression", noise, "noise", limit="noise")
    order = (CheckVerdict.PASS, CheckVerdict.WARN, CheckVerdict.FAIL)
    return max(blocks, grain, key=lambda check: order.index(check.verdict))


def blockiness(scene: Scene) -> float:
    """How much stronger steps are on an 8-pixel grid than off it, in the pixels as they were sent; 1 is none."""
    rgb = scene.picture.rgb
    if min(rgb.shape[:2]) < 64 or scene.picture.scale < 1:  # reduced while decoding: nothing of the grid is left
        return 1.0
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across = np.abs(np.diff(grey, axis=1)).mean(0)
    down = np.abs(np.diff(grey, axis=0)).mean(1)
    return (_grid(across) + _grid(down)) / 2


def _grid(steps: Plane) -> float:
    phases = [float(np.mean(steps[first::8])) for first in range(8)]
    middle = float(np.median(phases))
    return (max(phases) + _FLAT) / (middle + _FLAT)
