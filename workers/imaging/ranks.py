"""Medians and percentiles as NumPy defines them (linear interpolation), by one selection each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Values = npt.NDArray[np.float32]


def median(values: _Values) -> float:
    """The middle of some values in any order and shape; NaN where there are none."""
    return percentile(values, 50)


def percentile(values: _Values, percent: float) -> float:
    """The value that `percent` (0..100) of the values lie below; NaN where there are none."""
    if not values.size:
        return float("nan")
    flat = values.ravel()
    place = percent / 100 * (flat.size - 1)
    rank = int(place)
    both = (rank, min(rank + 1, flat.size - 1))  # asked for one alone, NumPy takes 30 times as long on a flat wall
    low, high = (float(value) for value in np.partition(flat, both)[list(both)])
    return low + (high - low) * (place - rank)
