"""Each drawn fault is named by its check; the good drawing passes all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.rules.report import CheckVerdict, Verdict
from workers.checker import Checker
from workers.checks import CODES

BAD = (CheckVerdict.FAIL, CheckVerdict.WARN)

EXPECTED = {
    "smile": {"expression", "mouth"},
    "open_mouth": {"mouth"},
    "eyes_closed": {"eyes_open"},
    "tilted": {"roll"},
    "turned": {"yaw"},
    "shadow": {"background_uniform"},
    "wrong_wall": {"background_colour"},
    "clutter": {"background_uniform"},
    "side_light": {"lighting"},
    "dark": {"exposure"},
    "bright": {"exposure"},
    "grey": {"natural_colour"},
    "blurred": {"sharpness"},
    "too_close": {"crop"},
    "off_centre": {"crop", "centre"},
    "low_resolution": {"resolution"},
    "no_face": {"face_count"},
    "two_faces": {"face_count"},
    "sunglasses": {"glasses"},
    "hat": {"headwear"},
}

ONLY_WARN = {"side_light", "hat"}
"""A fault of degree: a person decides."""


def _codes(report: Any) -> dict[str, CheckVerdict]:
    return {check.code: check.verdict for check in report.checks}


def test_a_good_drawing_passes_and_is_delivered_as_the_rule_says(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path]
) -> None:
    outcome = checker.check(drawn(), body, "blue")
    assert outcome.report.verdict is Verdict.PASSED
    assert [check.code for check in outcome.report.checks] == list(CODES)
    assert outcome.rendition is not None and len(outcome.rendition) <= 40 * 1024
    assert outcome.rendition.startswith(b"\xff\xd8") and b"Exif" not in outcome.rendition[:200]
    x, y, width, height = outcome.report.crop or (0, 0, 0, 0)
    assert width % 3 == 0 and height == width // 3 * 4
    assert x >= 0 and y >= 0 and x + width <= 900 and y + height <= 1200


@pytest.mark.parametrize("fault", sorted(EXPECTED))
def test_a_drawn_fault_is_named(checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], fault: str) -> None:
    report = checker.check(drawn(fault=fault), body, "blue").report
    named = {code for code, verdict in _codes(report).items() if verdict in BAD}
    assert named & EXPECTED[fault], f"named {sorted(named)}"
    assert report.verdict is (Verdict.REVIEW if fault in ONLY_WARN else Verdict.FAILED)


def test_the_same_picture_gives_the_same_report_and_bytes(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path]
) -> None:
    path = drawn(3)
    first = checker.check(path, body, "blue")
    with Checker() as other:
        second = other.check(path, body, "blue")
    assert first.report == second.report
    assert (first.rendition, first.looks, first.pixel_sha256) == (second.rendition, second.looks, second.pixel_sha256)


def test_a_finished_rendition_is_judged_as_it_stands(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path
) -> None:
    rendition = checker.check(drawn(), body, "blue").rendition
    assert rendition is not None
    finished = tmp_path / "finished.jpg"
    finished.write_bytes(rendition)
    report = checker.check(finished, body, "blue").report
    assert report.crop == (0, 0, 480, 640)
    assert report.verdict is not Verdict.FAILED
