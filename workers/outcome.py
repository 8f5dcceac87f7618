"""What the checker child answers, and how it travels through the pipe: JSON first, then the pictures as bytes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from app.rules.likeness import Look
from app.rules.report import Box, Check, CheckVerdict, Report, Ruler

VERSION = "3"
"""Of the checker: moves when a check's findings can change."""


@dataclass(frozen=True)
class Outcome:
    """What one photo was found to be. `timings` are milliseconds by stage."""

    report: Report
    rendition: bytes | None = None
    rendition_sha256: str | None = None
    preview: bytes | None = None
    pixel_sha256: str | None = None
    looks: tuple[Look, ...] = ()
    """The face's perceptual hash, and its neighbours by which copies are looked for."""
    timings: dict[str, float] = field(default_factory=dict)
    checker_version: str = VERSION
    before: bytes | None = None
    """Where the background was painted: the portrait before."""
    alpha: bytes | None = None
    """And the person's alpha as a grey PNG."""
    mask: bytes | None = None
    """And the segmenter's person confidence that it was made from, as a grey PNG."""
    wall: bytes | None = None
    """Where `background_uniform` warns or fails: the wrong places of the wall, white in a grey PNG of the portrait."""


@dataclass(frozen=True)
class CodeReading:
    """What a collection-code picture says: a payload, or a fault that tells why not."""

    payload: bytes | None
    fault: str | None
    ms: float = 0.0

    @property
    def text(self) -> str | None:
        """The payload as text, where it is UTF-8."""
        try:
            return self.payload.decode() if self.payload is not None else None
        except UnicodeDecodeError:
            return None


def pack(outcome: Outcome) -> list[bytes]:
    """The frames of an outcome."""
    head = {
        "report": asdict(outcome.report),
        "rendition_sha256": outcome.rendition_sha256,
        "pixel_sha256": outcome.pixel_sha256,
        "looks": outcome.looks,
        "timings": outcome.timings,
        "checker_version": outcome.checker_version,
    }
    pictures = (outcome.rendition, outcome.preview, outcome.before, outcome.alpha, outcome.mask, outcome.wall)
    return [json.dumps(head).encode(), *(picture or b"" for picture in pictures)]


def unpack(frames: list[bytes]) -> Outcome:
    """The outcome again. Raises ValueError or KeyError when the frames are not one."""
    head, rendition, preview, before, alpha, mask, wall = frames
    body = json.loads(head)
    return Outcome(
        report=_report(body["report"]),
        rendition=rendition or None,
        rendition_sha256=body["rendition_sha256"],
        preview=preview or None,
        pixel_sha256=body["pixel_sha256"],
        looks=tuple(tuple(int(part) for part in look) for look in body["looks"]),
        timings={str(name): float(ms) for name, ms in body["timings"].items()},
        checker_version=str(body["checker_version"]),
        before=before or None,
        alpha=alpha or None,
        mask=mask or None,
        wall=wall or None,
    )


def _report(body: dict[str, Any]) -> Report:
    checks = tuple(
        Check(**{**check, "verdict": CheckVerdict(check["verdict"]), "region": _box(check["region"])})
        for check in body["checks"]
    )
    ruler = Ruler(**body["ruler"]) if body["ruler"] else None
    return Report(**{**body, "checks": checks, "crop": _box(body["crop"]), "ruler": ruler})


def _box(value: list[int] | None) -> Box | None:
    return (value[0], value[1], value[2], value[3]) if value else None
