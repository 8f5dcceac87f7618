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


def pixel_sha256(rgb: Rgb) -> str:
    """SHA-256 of size and pixels: equal for files that differ only in their wrapping."""
    digest = hashlib.sha256(f"{rgb.shape[1]}x{rgb.shape[0]}".encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def bands(portrait: Rgb) -> tuple[int, ...]:
    """Eight 16-bit parts of a perceptual hash of the portrait (cut by landmarks, so a recropped copy gives the same).

    Each band holds the signs of 16 low frequencies (DCT) of the normalised inner face, in an order spread over all
    frequencies. Graduates on one background look alike, so the background takes no part.
    """
    grey = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    face = grey[int(0.15 * height) : int(0.85 * height), int(0.15 * width) : int(0.85 * width)]
    small = cv2.resize(face, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = cv2.dct((small - small.mean()) / (small.std() + 1e-6))
    low = np.concatenate([waves[row, 1:17] if row == 0 else waves[row, :16] for row in range(16)])[: BANDS * _BITS]
    order = np.random.default_rng(2017).permutation(low.size)
    signs = (low[order] > 0).reshape(BANDS, _BITS)
    return tuple(int(sum(1 << bit for bit, on in enumerate(part) if on)) for part in signs)
