"""`natural_colour`: a grey or toned picture, a colour cast on the skin.

Cast: ISO/IEC 29794-5 NaturalColour, the CIELAB distance of the cheeks from the box a* 5..25, b* 5..35. Monochrome: in a
grey or toned (sepia) picture the colour follows from the lightness; what is left of a* and b* once the mean of their
lightness (steps of 5 L*) is taken away is nearly nothing. A face has lips, blood and eyes whatever the clothes, so the
face is looked at; where none is found, the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Box, Check, CheckVerdict
from workers.checks.common import judged
from workers.imaging.colour import lab as to_lab
from workers.imaging.marks import polygon
from workers.imaging.planes import ENOUGH_SKIN, Plane, both_cheeks, half_lab, has_skin, median_colour
from workers.imaging.scene import OVAL, Scene

CODES = ("natural_colour",)
_STEPS = 21  # of 5 L*
_SAMPLES = 200  # rows and columns of a picture without a face


def look(scene: Scene) -> Iterator[Check]:
    tones = _looked_at(scene)
    where = scene.around(OVAL) if scene.marks is not None and scene.crop is not None else None
    if tones.shape[0]:
        grey = judged(scene, "natural_colour", colour_beyond_tone(tones), "grey", where, "colourfulness")
        if grey.verdict is not CheckVerdict.PASS or not has_skin(scene):
            yield grey
            return
    if has_skin(scene):
        yield _cast(scene, where)


def colour_beyond_tone(tones: Plane) -> float:
    """Root mean square of a* and b* around their mean at each lightness; `tones` is N x 3 CIELAB."""
    light, *colours = np.ascontiguousarray(tones.T, np.float64)
    step = np.clip(light / 5, 0, _STEPS - 1).astype(int)
    count = np.maximum(1, np.bincount(step, minlength=_STEPS))
    beyond = 0.0
    for part in colours:  # the squares around the means are the squares less the means' own
        sums = np.bincount(step, part, minlength=_STEPS)
        beyond += float(part @ part - sums @ (sums / count))
    return float(np.sqrt(max(0.0, beyond) / light.size))


def _looked_at(scene: Scene) -> Plane:
    """The face's pixels, eyes and lips included; without a face all of the picture."""
    if scene.portrait is not None and scene.mask is not None and scene.marks is not None:
        face = polygon(scene, OVAL) & (scene.mask > 0.5)
        if np.count_nonzero(face) >= ENOUGH_SKIN:
            return half_lab(scene)[face[::2, ::2]]
    rgb = scene.picture.rgb
    down, across = (max(1, size // _SAMPLES) for size in rgb.shape[:2])
    return to_lab(rgb[::down, ::across]).reshape(-1, 3)


def _cast(scene: Scene, where: Box | None) -> Check:
    _, a, b = median_colour(scene, both_cheeks(scene))
    away = float(np.hypot(max(0, 5 - a, a - 25), max(0, 5 - b, b - 35)))
    return judged(scene, "natural_colour", away, "cast", where)
