"""Whether a painted background can be trusted: part of `background_uniform` and `background_colour` under `replace`."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check
from workers.checks.common import judged, worst
from workers.imaging.marks import polygon
from workers.imaging.matting import Matte, Wall
from workers.imaging.scene import OVAL, Scene


def look(scene: Scene, wall: Wall, matte: Matte, found: dict[str, Check]) -> Iterator[Check]:
    """The two background checks again, worse where the matte says so."""
    yield _worse(found.get("background_uniform"), [
        judged(scene, "background_uniform", wall.residual, "uneven", limit="wall_texture"),
        judged(scene, "background_uniform", matte.doubt, "edge", limit="edge_doubt"),
        judged(scene, "background_uniform", max(_eaten(scene, matte), matte.eaten), "edge", limit="face_eaten"),
        judged(scene, "background_uniform", matte.lost, "uneven", limit="painted_over"),
    ])  # fmt: skip
    yield _worse(found.get("background_colour"), [
        judged(scene, "background_colour", matte.contrast, "alike", limit="wall_contrast"),
        judged(scene, "background_colour", matte.alike, "clothes", limit="like_colour"),
    ])  # fmt: skip


def _eaten(scene: Scene, matte: Matte) -> float:
    """Per cent of the face that the alpha takes for wall: a half-eaten cheek or ear."""
    face = polygon(scene, OVAL, -0.05)
    return float((matte.alpha[face] < 0.9).mean() * 100) if face.any() else 100.0


def _worse(old: Check | None, new: list[Check]) -> Check:
    return worst(*([old] if old else []), *new)
