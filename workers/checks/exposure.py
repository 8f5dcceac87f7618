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
from workers.checks.planes import has_skin, lab, light, skin
from workers.checks.ranks import percentile
from workers.imaging.colour import luminance
from workers.imaging.scene import OVAL, Rgb, Scene

CODES = ("exposure",)
_BLOWN = 252  # of 255, the brightest channel
_DARK = 60  # L*: below it a face that breaks its limits is too dark, above it too bright
_SAMPLES = 200  # rows and columns of the whole picture that are looked at
_BAR, _BAR_STEP = 16, 4
"""No channel of a bar's pixels is brighter, of 255; and of the picture every so many'th row and column is asked."""
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


def _without_bars(rgb: Rgb) -> Rgb:
    """The picture without the black bars of a letterbox: their blackness says nothing about its light."""
    lit = cv2.resize(rgb, None, fx=1 / _BAR_STEP, fy=1 / _BAR_STEP, interpolation=cv2.INTER_NEAREST).max(2) > _BAR
    rows, columns = (np.flatnonzero(lit.any(axis)) * _BAR_STEP for axis in (1, 0))
    if not rows.size:
        return rgb
    return rgb[rows[0] : rows[-1] + _BAR_STEP, columns[0] : columns[-1] + _BAR_STEP]


def key(scene: Scene) -> float:
    """Log-average luminance 0..1 of the picture, from a sample of its pixels."""
    rgb = _without_bars(scene.picture.rgb)
    down, across = (max(1, size // _SAMPLES) for size in rgb.shape[:2])
    return float(np.exp(np.log(luminance(rgb[::down, ::across]) + _BLACK).mean()))
