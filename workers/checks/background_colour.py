"""`background_colour`: CIELAB distance of the wall's median from the campaign's colour.

Under `replace` the colour is painted: then the wall must only be light enough.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from app.rules.report import Check
from workers.checks.common import judged, skipped
from workers.imaging.colour import lab as to_lab
from workers.imaging.planes import has_wall, wall, wall_colour
from workers.imaging.scene import Scene, wanted_background

CODES = ("background_colour",)


def look(scene: Scene) -> Iterator[Check]:
    if not has_wall(scene):
        yield skipped("background_colour")
        return
    seen = wall(scene)
    middle = wall_colour(scene)
    if scene.policy == "replace":  # any plain, not too dark wall will do; the colour is painted
        yield judged(scene, "background_colour", float(middle[0]), "dark_wall", limit="wall_lightness")
        return
    name = wanted_background(scene, middle)
    target = to_lab(np.array([[scene.rule.backgrounds[name]]], np.uint8))[0, 0]
    x, y, width, height = cv2.boundingRect(seen.view(np.uint8))
    where = scene.box(float(x), float(y), float(width - 1), float(height - 1))
    yield judged(scene, "background_colour", float(np.linalg.norm(middle - target)), "not_" + name, where)
