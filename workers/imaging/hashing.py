"""Hashes by which duplicates are found: of the exact pixels, and of what the picture looks like."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]

BANDS = 8
"""Parts of the perceptual hash; a near copy keeps most of them unchanged."""

_BITS = 16
_SIDE = 96
_EYES = (468, 473)
_AROUND, _EYE_ROW = 1.5, 0.42
"""The window: its side in face widths, and where the eyes lie in it."""


def pixel_sha256(rgb: Rgb) -> str:
    """SHA-256 of size and pixels: equal for files that differ only in their wrapping."""
    digest = hashlib.sha256(f"{rgb.shape[1]}x{rgb.shape[0]}".encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def bands(rgb: Rgb, points: npt.NDArray[np.float32]) -> tuple[int, ...]:
    """Eight 16-bit parts of a perceptual hash of the face, cut by its landmarks: a recropped copy gives the same.

    `points` are the face's landmarks in pixels of `rgb`. Each band holds the signs of 16 low frequencies (DCT) of the
    normalised face, in an order spread over all frequencies. The background takes no part: graduates share it.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    wide = max(8.0, float(np.hypot(*(points[454, :2] - points[234, :2]))))
    x, y = points[list(_EYES), :2].mean(0)
    scale = _SIDE / (_AROUND * wide)
    matrix = np.array([[scale, 0, _SIDE / 2 - x * scale], [0, scale, _EYE_ROW * _SIDE - y * scale]])
    grey = cv2.GaussianBlur(grey, (0, 0), max(0.5, 0.4 / scale)) if scale < 1 else grey  # before it is made smaller
    small = cv2.warpAffine(grey, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    waves = cv2.dct((small - small.mean()) / (small.std() + 1e-6))
    low = np.concatenate([waves[row, 1:17] if row == 0 else waves[row, :16] for row in range(16)])[: BANDS * _BITS]
    order = np.random.default_rng(2017).permutation(low.size)
    signs = (low[order] > 0).reshape(BANDS, _BITS)
    return tuple(int(sum(1 << bit for bit, on in enumerate(part) if on)) for part in signs)
