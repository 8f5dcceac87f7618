"""One look at one photo from file to report and rendition: the pure library behind worker, command, bench and tests."""

from __future__ import annotations

import hashlib
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.rules.photo_rule import PhotoRule
from app.rules.report import Check, CheckVerdict, Report, Ruler
from workers.checks import CODES, background_uniform, edge, modules
from workers.imaging import matting
from workers.imaging.decode import Unreadable, decode
from workers.imaging.encode import encode, mask_png, preview
from workers.imaging.hashing import looks, pixel_sha256
from workers.imaging.models import Models
from workers.imaging.scene import Scene, build
from workers.outcome import Outcome

log = logging.getLogger(__name__)


class Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, stage: str) -> None:
        """Everything since the last mark belongs to `stage`."""
        moment = time.perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + (moment - self._last) * 1000
        self._last = moment


def examine(path: Path, rule: PhotoRule, background: str, policy: str, models: Models) -> Outcome:
    """Check a photo. Never raises for what a user could send: that becomes a failed check."""
    clock = Clock()
    try:
        picture = decode(path, rule)
        clock.mark("decode")
        scene = build(picture, rule, background, policy, models, lambda: decode(path, rule, enough=None))
        clock.mark("models")
    except Unreadable as fault:
        return Outcome(_unreadable(fault, rule, background), timings=clock.stages)
    found: dict[str, Check] = {code: Check(code, CheckVerdict.PASS) for code in ("file_readable", "upload_size")}
    for module in modules():
        _look(module, scene, found)
    wall = _wrong_wall(scene, found)
    clock.mark("checks")
    before, alpha, mask = _paint(scene, found) if policy == "replace" else _UNPAINTED
    clock.mark("background")
    rendition = _rendition(scene, found)
    clock.mark("encode")
    shown = preview(picture.shown)
    clock.mark("preview")
    digest = hashlib.sha256(rendition).hexdigest() if rendition else None
    part = picture.small.shape[1] / picture.width
    seen = looks(picture.small, scene.face.points * np.float32(part)) if scene.face else ()
    pixels = pixel_sha256(picture.shown)
    clock.mark("hashes")
    report = _report(scene, found)
    return Outcome(
        report, rendition, digest, shown, pixels, seen, clock.stages, before=before, alpha=alpha, mask=mask, wall=wall
    )


_Painted = tuple[bytes | None, bytes | None, bytes | None]
_UNPAINTED: _Painted = (None, None, None)


def _paint(scene: Scene, found: dict[str, Check]) -> _Painted:
    """Put the campaign's colour behind the person; returns the picture before, the alpha and the mask, to be kept.

    What cannot be painted has no rendition: nothing is delivered with another background than the campaign's.
    """
    if scene.portrait is None or scene.mask is None or scene.crop is None:
        return _UNPAINTED
    colour = scene.rule.backgrounds.get(scene.background)
    before = scene.portrait
    try:
        if colour is None:
            raise ValueError("no colour")
        wall = matting.fit_wall(before, scene.mask)
        matte = matting.replace(before, scene.mask, wall, colour)
    except ValueError:
        found["background_uniform"] = Check("background_uniform", CheckVerdict.FAIL, fault="uneven")
        scene.portrait = None
        return _UNPAINTED
    for check in edge.look(scene, wall, matte, found):
        found[check.code] = check
    scene.portrait = matte.picture
    return preview(before), mask_png(matte.alpha), mask_png(scene.mask)


def _wrong_wall(scene: Scene, found: dict[str, Check]) -> bytes | None:
    """The map of where the wall is wrong, for the reviewer; of the photo as it came, so before anything is painted."""
    check = found.get("background_uniform")
    if check is None or check.verdict not in (CheckVerdict.WARN, CheckVerdict.FAIL):
        return None
    return mask_png(background_uniform.fault_map(scene).astype(np.float32))


def _look(module: Any, scene: Scene, found: dict[str, Check]) -> None:
    """Run one file of checks. One that breaks on a picture is skipped and says so: then a person looks (`machine`)."""
    try:
        for check in module.look(scene):
            found[check.code] = check
    except Exception:
        log.exception("check_failed module=%s", module.__name__)
        found["machine"] = Check("machine", CheckVerdict.SKIPPED, fault="unavailable")


def _rendition(scene: Scene, found: dict[str, Check]) -> bytes | None:
    """The delivered JPEG, where there is a face and enough pixels; whatever else fails, a person may accept it."""
    if scene.portrait is None or scene.crop is None or scene.crop.box[2] < scene.rule.output.width:
        return None
    output = scene.rule.output
    data, quality = encode(scene.portrait, output)
    size = len(data) / 1024
    low, high = output.warn_below_bytes / 1024, output.max_bytes / 1024
    verdict, fault = CheckVerdict.PASS, ""
    if len(data) > output.max_bytes:
        verdict, fault = CheckVerdict.FAIL, "too_large"
    elif len(data) < output.warn_below_bytes:
        verdict, fault = CheckVerdict.WARN, "too_small"
    found["output_size"] = Check(
        "output_size", verdict, round(size, 2), "KB", low, high, fault=fault, args={"quality": quality}
    )
    return None if fault == "too_large" else data


def _report(scene: Scene, found: dict[str, Check]) -> Report:
    picture, head = scene.picture, scene.head
    ruler = Ruler(head.hair_top, head.eye_line, head.cheek_left, head.cheek_right, head.centre) if head else None
    checks = tuple(found.get(code, Check(code, CheckVerdict.SKIPPED)) for code in CODES)
    checks += (found["machine"],) if "machine" in found else ()
    box = scene.crop.box if scene.crop else None
    return Report(scene.rule.code, scene.background, picture.width, picture.height, checks, box, ruler)


def _unreadable(fault: Unreadable, rule: PhotoRule, background: str) -> Report:
    values = fault.values
    failed = Check(
        fault.code, CheckVerdict.FAIL, values.get("value"), high=values.get("high"), fault=fault.fault, args=values
    )
    checks = tuple(failed if code == fault.code else Check(code, CheckVerdict.SKIPPED) for code in CODES)
    return Report(rule.code, background, 0, 0, checks)
