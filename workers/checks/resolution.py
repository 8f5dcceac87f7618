"""`resolution`: the best crop must have at least the output's pixels; nothing is ever enlarged."""

from __future__ import annotations

from collections.abc import Iterator

from app.rules.report import Check, CheckVerdict
from workers.imaging.scene import Scene

CODES = ("resolution",)


def look(scene: Scene) -> Iterator[Check]:
    if scene.crop is None:
        return
    width, least = scene.crop.box[2], scene.rule.output.width
    few = width < least
    yield Check(
        "resolution",
        CheckVerdict.FAIL if few else CheckVerdict.PASS,
        float(width),
        "px",
        float(least),
        region=scene.crop.box if few else None,
        fault="few_pixels" if few else "",
    )
