"""`occlusion`: a hand, mask or object over the face (ISO/IEC 29794-5 FaceOcclusionPrevention, by colour).

The share of the face below the nose tip whose colour is far from the face's own skin. A beard is darker but nearly of
the skin's hue; lightness therefore counts a third. There is no face parser: what has the skin's colour is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.rules.report import Check
from workers.checks.common import judged, skipped
from workers.imaging.marks import NOSE_TIP
from workers.imaging.planes import has_skin, skin, unlike_skin
from workers.imaging.scene import OVAL, Scene

CODES = ("occlusion",)
_UNLIKE = 25.0  # CIELAB distance, lightness a third


def look(scene: Scene) -> Iterator[Check]:
    if scene.face is None:
        return
    if scene.marks is None or not has_skin(scene):
        yield skipped("occlusion")
        return
    face = skin(scene)
    lower = face & (np.arange(face.shape[0])[:, None] > scene.marks[NOSE_TIP, 1])
    share = float((unlike_skin(scene)[lower] > _UNLIKE).mean()) if lower.any() else 0.0
    yield judged(scene, "occlusion", share, "covered", scene.around(OVAL))
