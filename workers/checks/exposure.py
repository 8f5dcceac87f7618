"""`exposure`: too dark, too bright, blown highlights.

Three measures, the worst counts. Face lightness: CIELAB L* of the brighter skin (95th percentile), so that dark skin is
not taken for a dark picture. Light: the log-average luminance of the whole picture ("key", Reinhard et al. 2002) and
the mean luminance of the face (ISO/IEC 29794-5 LuminanceMean), as their geometric mean in per cent of white: a lit face
in a black room is as wrong as a dark face before a bright wall. Blown: skin whose brightest channel is clipped.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from app.rules.report import Check
from workers.checks.common import judged, skipped, worst
from workers.imaging.colour import luminance
from workers.imaging.planes import has_skin, lab, light, skin
from workers.imaging.ranks import percentile
from workers.imaging.scene import OVAL, Scene

CODES = ("exposure",)
_BLOWN = 252  # of 255, the brightest channel
_DARK = 60  # L*: below it a face that breaks its limits is too dark, above it too bright
_SAMPLES = 200  # rows and columns of the whole picture that are looked at
_BAR = 16  # of 255: no channel of a bar's pixels is brighter
_BLACK = 0.001  # luminance: keeps the logarithm of black finite


def look(scene: Scene) -> Iterator[Check]:
    if scene.portrait is None or not has_skin(scene):
        if scene.face is not None:
            yield skipped("exposure")
        return
    face, where = skin(scene), scene.around(OVAL)
    bright = percentile(lab(scene)[..., 0][face], 95)
    red, green, blue = cv2.split(scene.portrait)
    brightest = cv2.max(cv2.max(red, green), blue)
    blown = float((brightest[face] >= _BLOWN).mean() * 100)
    lit = 100 * float(np.sqrt(key(scene) * light(scene)[face].mean()))
    yield worst(
        judged(scene, "exposure", lit, "dark", where, "light"),
        judged(scene, "exposure", bright, "dark" if bright < _DARK else "bright", where, "face_lightness"),
        judged(scene, "exposure", blown, "blown", where, "blown"),
    )


def key(scene: Scene) -> float:
    """Log-average luminance 0..1 of the picture, from a sample of its pixels.

    The black bars of a letterbox are left out: their blackness says nothing about the light.
    """
    rgb = scene.picture.rgb
    down, across = (max(1, size // _SAMPLES) for size in rgb.shape[:2])
    seen = np.ascontiguousarray(rgb[::down, ::across])
    lit = cv2.inRange(seen, (0, 0, 0), (_BAR, _BAR, _BAR)) == 0
    rows, columns = (np.flatnonzero(lit.any(axis)) for axis in (1, 0))
    if rows.size:
        seen = seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return float(np.exp(np.log(luminance(seen) + _BLACK).mean()))
