"""Photo rules as versioned data: shipped files, and the bodies that the database keeps. One loader for all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.rules.report import CheckVerdict

_FOLDER = Path(__file__).parent / "photo_rules"

Range = tuple[float | None, float | None]
Colour = tuple[int, int, int]

ANY = "any"
"""Background wish: the nearest of the rule's colours."""


@dataclass(frozen=True)
class Limit:
    """The allowed values of one measure; limits are included (a value on the limit is within it)."""

    unit: str
    warn: Range
    fail: Range

    def judge(self, value: float) -> CheckVerdict:
        """pass within `warn`, warn within `fail`, else fail. A missing bound allows everything."""
        if not _within(value, self.fail):
            return CheckVerdict.FAIL
        return CheckVerdict.PASS if _within(value, self.warn) else CheckVerdict.WARN

    def told(self, verdict: CheckVerdict) -> Range:
        """The limits a person is told: those that a warning broke, else the failing ones where they exist."""
        return self.warn if verdict is CheckVerdict.WARN or self.fail == (None, None) else self.fail


NO_LIMIT = Limit("", (None, None), (None, None))


def _within(value: float, bounds: Range) -> bool:
    low, high = bounds
    return (low is None or value >= low) and (high is None or value <= high)


@dataclass(frozen=True)
class Output:
    """What the rendition is: pixels, dpi tag, JPEG qualities and bytes."""

    width: int
    height: int
    dpi: int
    quality_best: int
    quality_least: int
    max_bytes: int
    warn_below_bytes: int


@dataclass(frozen=True)
class PhotoRule:
    """One version of the photo specification."""

    code: str
    max_bytes: int
    max_pixels: int
    output: Output
    backgrounds: Mapping[str, Colour]
    limits: Mapping[str, Limit]

    def limit(self, code: str) -> Limit:
        """The limits of a check; a measure that this version of the rule does not know is not limited by it."""
        return self.limits.get(code, NO_LIMIT)


def load_rule_body(code: str) -> dict[str, Any]:
    """The body of a shipped rule. Raises FileNotFoundError for an unknown code."""
    if not code.replace("-", "").isalnum():
        raise FileNotFoundError(code)
    body: dict[str, Any] = json.loads((_FOLDER / f"{code}.json").read_text("utf-8"))
    return body


def load_rule(code: str) -> PhotoRule:
    """A shipped rule. Raises FileNotFoundError for an unknown code."""
    return rule_from_json(load_rule_body(code))


def rule_from_json(body: Mapping[str, Any]) -> PhotoRule:
    """The rule that a body describes. Raises ValueError, naming the place, when the body is not a rule."""
    try:
        return PhotoRule(
            code=str(body["code"]),
            max_bytes=int(body["upload"]["max_mb"] * 1024 * 1024),
            max_pixels=int(body["upload"]["max_megapixels"] * 1_000_000),
            output=Output(**body["output"]),
            backgrounds={name: _colour(value) for name, value in body["backgrounds"].items()},
            limits={code: _limit(value) for code, value in body["limits"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a photo rule: {error!r}") from None


def _colour(value: Any) -> Colour:
    red, green, blue = (int(part) for part in value)
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError(f"not a colour: {value!r}")
    return red, green, blue


def _limit(value: Mapping[str, Any]) -> Limit:
    warn = _range(value.get("warn"))
    fail = _range(value.get("fail"))
    return Limit(str(value.get("unit", "")), warn if value.get("warn") else fail, fail)


def _range(value: Any) -> Range:
    if value is None:
        return None, None
    low, high = value
    if low is not None and high is not None and low > high:
        raise ValueError(f"limits upside down: {value!r}")
    return low, high
