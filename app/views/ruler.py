"""The ruler as SVG numbers: lines and allowed bands on the student's own photo. Data for a template, no markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.models import DecisionReason, Photo
from app.rules.photo_rule import rule_from_json


@dataclass(frozen=True)
class Drawing:
    """Everything a template draws, in pixels of the upright original."""

    width: int
    height: int
    stroke: float
    crop: tuple[int, int, int, int] | None
    bands: tuple[tuple[str, float, float], ...]
    """Code, upper and lower y of the rows in which a line must lie."""
    lines: tuple[tuple[str, float, bool], ...]
    """Code, y of the measured line, and whether it is within."""
    face: tuple[float, float, float, bool] | None
    """Left x, right x, y, and whether the width is within."""
    regions: tuple[tuple[str, int, int, int, int, str], ...]
    """Code, box and verdict of everything that is wrong somewhere."""


def overlay(photo: Photo) -> Drawing:
    """The drawing for a checked photo."""
    width, height = photo.width or 1, photo.height or 1
    found = {check.code: check for check in photo.checks}
    regions = tuple(
        (check.code, *check.region, check.verdict)
        for check in photo.checks
        if check.region and check.verdict in ("fail", "warn") and check.code not in ("hair_top", "eye_line", "crop")
    )
    bands, lines, face = (), (), None
    if photo.crop and photo.ruler:
        bands, lines, face = _measures(photo, found)
    crop = tuple(photo.crop) if photo.crop else None
    return Drawing(width, height, max(width, height) / 400, crop, bands, lines, face, regions)  # type: ignore[arg-type]


def rejection(photo: Photo, reasons: Sequence[DecisionReason]) -> Drawing:
    """The drawing of a rejected photo: the ruler, and the places of the reasons instead of the machine's findings."""
    regions = tuple((reason.code, *reason.region, "fail") for reason in reasons if reason.region)
    return replace(overlay(photo), regions=regions)  # type: ignore[arg-type]


def _measures(photo: Photo, found: dict[str, Any]) -> tuple[Any, Any, Any]:
    rule, ruler = rule_from_json(photo.rule.body), photo.ruler or {}
    _, top, wide, _ = photo.crop or [0, 0, 1, 1]
    unit = wide / rule.output.width
    bands, lines = [], []
    for code in ("hair_top", "eye_line"):
        low, high = rule.limit(code).fail
        bands.append((code, top + (low or 0) * unit, top + (high or 0) * unit))
        lines.append((code, ruler[code], _fine(found, code)))
    eye, left, right = ruler["eye_line"], ruler["cheek_left"], ruler["cheek_right"]
    return tuple(bands), tuple(lines), (left, right, eye, _fine(found, "face_width"))


def _fine(found: dict[str, Any], code: str) -> bool:
    return code not in found or found[code].verdict != "fail"
