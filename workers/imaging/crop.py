"""Finds the crop: whole pixels, width 3k and height 4k, that satisfies all four of the rule's distances together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.rules.photo_rule import PhotoRule
from app.rules.report import Box

MEASURES = ("hair_top", "eye_line", "face_width", "centre")
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """Where the head is, in pixels of the upright original."""

    hair_top: float
    eye_line: float
    cheek_left: float
    cheek_right: float

    @property
    def centre(self) -> float:
        return (self.cheek_left + self.cheek_right) / 2

    @property
    def face_width(self) -> float:
        return self.cheek_right - self.cheek_left


@dataclass(frozen=True)
class Crop:
    """A crop and what the four measures are in it. `fits`: within all limits and with enough pixels."""

    box: Box
    values: dict[str, float]
    fits: bool


def measure(head: Head, box: Box, rule: PhotoRule) -> dict[str, float]:
    """The four measures within a crop: output pixels, and for the centre per cent of the width.

    Rounded, so that what lies on a limit is within it whatever the arithmetic's last digit.
    """
    x, y, width, _ = box
    scale = rule.output.width / width
    values = {
        "hair_top": (head.hair_top - y) * scale,
        "eye_line": (head.eye_line - y) * scale,
        "face_width": head.face_width * scale,
        "centre": (head.centre - x) / width * 100,
    }
    return {name: round(value, 4) for name, value in values.items()}


def judge(head: Head, box: Box, rule: PhotoRule) -> Crop:
    """A crop that is given, as it stands."""
    values = measure(head, box, rule)
    inside = all(_inside(values[name], rule, name) for name in MEASURES)
    return Crop(box, values, inside and box[2] >= rule.output.width)


def _inside(value: float, rule: PhotoRule, name: str) -> bool:
    low, high = rule.limit(name).fail
    return (low is None or value >= low) and (high is None or value <= high)


def solve(head: Head, width: int, height: int, rule: PhotoRule) -> Crop:
    """The best crop of a picture of `width` x `height`; where none satisfies everything, the least bad one.

    Best: the largest of the four deviations, each in half bands from the middle of its band, is smallest. A deviation
    of at most 1 is within the limits. All sizes k are tried at once; for each, the rows worth trying are the middles
    and ends of the two bands and where both deviate equally, so the search is exact (a test compares brute force).
    """
    unit_w, unit_h = _units(rule)
    largest = min(width // unit_w, height // unit_h)
    least = -(-rule.output.width // unit_w)
    if largest < 1:
        return judge(head, (0, 0, width, height), rule)
    found = _search(head, width, height, rule, np.arange(min(least, largest), largest + 1, dtype=np.float64))
    if found.fits or least <= 1 or largest < least:
        return found
    smaller = _search(head, width, height, rule, np.arange(1, least, dtype=np.float64))
    return smaller if _penalty(smaller, rule) == 0 else found


def _units(rule: PhotoRule) -> tuple[int, int]:
    divisor = int(np.gcd(rule.output.width, rule.output.height))
    return rule.output.width // divisor, rule.output.height // divisor


def _penalty(crop: Crop, rule: PhotoRule) -> float:
    return sum(max(0.0, abs(_deviation(np.array(crop.values[name]), rule, name)) - 1) for name in MEASURES)


def _band(rule: PhotoRule, name: str) -> tuple[float, float]:
    low, high = rule.limit(name).fail
    assert low is not None and high is not None, f"{name} needs both limits"
    return (low + high) / 2, (high - low) / 2


def _deviation(value: Numbers, rule: PhotoRule, name: str) -> float:
    middle, half = _band(rule, name)
    return float(abs(value - middle) / half)


def _search(head: Head, width: int, height: int, rule: PhotoRule, k: Numbers) -> Crop:
    unit_w, unit_h = _units(rule)
    scale = rule.output.width / (unit_w * k)  # output pixels per original pixel
    ys = _rows(head, rule, scale)
    ys = np.clip(np.concatenate([np.floor(ys), np.ceil(ys)]), 0, height - unit_h * k)
    xs = head.centre - unit_w * k / 2
    xs = np.clip(np.stack([np.floor(xs), np.ceil(xs)]), 0, width - unit_w * k)
    away = {
        "hair_top": _off((head.hair_top - ys) * scale, rule, "hair_top")[:, None],
        "eye_line": _off((head.eye_line - ys) * scale, rule, "eye_line")[:, None],
        "face_width": _off(head.face_width * scale, rule, "face_width")[None, None],
        "centre": _off((head.centre - xs) / (unit_w * k) * 100, rule, "centre")[None],
    }
    every = np.stack(np.broadcast_arrays(*away.values()))
    worst = every.max(axis=0)
    cost = np.where(worst <= 1, worst, 1 + np.maximum(every - 1, 0).sum(axis=0))
    row, column, size = np.unravel_index(int(np.argmin(cost + 1e-9 * every.sum(axis=0))), cost.shape)
    box = (int(xs[column, size]), int(ys[row, size]), int(unit_w * k[size]), int(unit_h * k[size]))
    return judge(head, box, rule)


def _off(value: Numbers, rule: PhotoRule, name: str) -> Numbers:
    middle, half = _band(rule, name)
    return np.asarray(np.abs(value - middle) / half, np.float64)


def _rows(head: Head, rule: PhotoRule, scale: Numbers) -> Numbers:
    """For each size the upper edges worth trying, as floats."""
    (m1, h1), (m2, h2) = _band(rule, "hair_top"), _band(rule, "eye_line")
    rows = [head.hair_top - (m1 + side * h1) / scale for side in (-1, 0, 1)]
    rows += [head.eye_line - (m2 + side * h2) / scale for side in (-1, 0, 1)]
    for sign in (1, -1):  # (hair - y) s - m1) / h1 = sign ((eye - y) s - m2) / h2
        slope = scale * (-1 / h1 + sign / h2)
        constant = (head.hair_top * scale - m1) / h1 - sign * (head.eye_line * scale - m2) / h2
        rows.append(-constant / slope)
    return np.stack(rows)
