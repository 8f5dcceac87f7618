"""The wall as a smooth field of colour: what lamps and distance make of a plain wall is a quadratic of the place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workers.imaging.marks import Mask

Plane = npt.NDArray[np.float32]

_STEP = 4  # of rows and columns that the fit looks at: six numbers a channel need no more
_TERMS = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""Powers of y and x."""


def smooth(tones: Plane, where: Mask) -> Plane:
    """The least-squares quadratic of `tones` (H x W x 3) over the pixels of `where`, evaluated everywhere."""
    height, width = where.shape
    y, x = _powers(height), _powers(width)
    rows, columns = (places * _STEP for places in np.nonzero(where[::_STEP, ::_STEP]))
    terms = np.stack([y[rows, i] * x[columns, j] for i, j in _TERMS], 1).astype(np.float64)
    squares, products = terms.T @ terms, terms.T @ tones[rows, columns]
    solved = np.linalg.lstsq(squares, products, rcond=None)[0]
    factors = np.zeros((3, 3, 3))  # power of y, power of x, channel
    for (i, j), channels in zip(_TERMS, solved, strict=True):
        factors[i, j] = channels
    rising = np.einsum("ijc,wj->iwc", factors, x).reshape(3, -1).astype(np.float32)
    return np.asarray((y @ rising).reshape(height, width, 3), np.float32)


def _powers(size: int) -> Plane:
    """1, t, t squared for each of `size` places, t from -0.5 to 0.5."""
    t = np.arange(size, dtype=np.float32) / size - 0.5
    return np.stack([np.ones_like(t), t, t * t], 1)
