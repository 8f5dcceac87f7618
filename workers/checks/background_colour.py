"""`background_colour`: CIELAB distance of the wall's median from the campaign's colour.

Under `replace` the colour is painted: then the wall must only be light enough.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check
from workers.checks.common import judged, skipped
from workers.checks.planes import has_wall, median_colour, wall
from workers.imaging.colour import lab as to_lab
from workers.imaging.scene import Scene, wanted_background

CODES = ("background_colour",)


def look(scene: Scene) -> Iterator[Check]:
    if not has_wall(scene):
        yield skipped("background_colour")
        return
    seen = wall(scene)
    middle = median_colour(scene, seen)
    if scene.policy == "replace":  # any plain, not too dark wall will do; the colour is painted
        yield judged(scene, "background_colour", float(middle[0]), "dark_wall", limit="wall_lightness")
        return
    name = wanted_background(scene, middle)
    target = to_lab(np.array([[scene.rule.backgrounds[name]]], np.uint8))[0, 0]
    y, x = np.nonzero(seen)
    where = scene.box(float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y)))
    yield judged(scene, "background_colour", float(np.linalg.norm(middle - target)), "not_" + name, where)
