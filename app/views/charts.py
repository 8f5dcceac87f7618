"""What the chart macros (templates/components/charts.html) cannot compute themselves: scales, labels, gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LABELS_ACROSS = 8
"""So many labels, days too, fit under a chart of a third of a page's width."""


@dataclass(frozen=True)
class Scale:
    """A value axis from 0 to `top`, with labelled ticks."""

    top: int
    ticks: Sequence[int]


def scale(highest: float, wanted: int = 4) -> Scale:
    """An axis of whole, round numbers (1, 2 or 5 times a power of ten apart) that holds `highest`."""
    rough = max(highest, 1) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = max(1, next(round(factor * power) for factor in (1, 2, 5, 10) if factor * power >= rough))
    top = step * math.ceil(max(highest, 1) / step)
    return Scale(top, range(0, top + 1, step))


def every(count: int) -> int:
    """Each how-manieth of `count` labels is written, so that they do not run into each other."""
    return max(1, math.ceil(count / LABELS_ACROSS))


def runs(rows: Sequence[Any], place: int) -> list[tuple[int, list[float]]]:
    """The unbroken stretches of one series of `rows` (label, values): where each starts, and its values."""
    found: list[tuple[int, list[float]]] = [(0, [])]
    for x, row in enumerate(rows):
        if row[1][place] is None:
            found.append((x + 1, []))
        else:
            found[-1][1].append(row[1][place])
    return [run for run in found if run[1]]


def points(values: Sequence[float], top: float, start: float = 0) -> str:
    """The points of a polyline: one to the right for each value from `start` on, y measured down from `top`."""
    return " ".join(f"{start + x:g},{top - value:g}" for x, value in enumerate(values))
