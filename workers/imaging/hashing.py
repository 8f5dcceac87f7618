"""Hashes by which duplicates are found: of the exact pixels, and of what the face looks like."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from app.rules.likeness import BANDS, BITS, Look

Rgb = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

_SIDE = 64
_ACROSS, _ROW = 3.4, 0.48
"""The window: its side in landmark radii, and the row of the landmarks' centre in it."""
_MESH = 468  # landmarks of the face's surface, without the pupils
_LOW = 24
"""Frequencies each way from which the lowest are taken."""
_STEP = 0.03
"""By how much of its radius the window is moved for another look: as far as landmarks stray in a recropped copy."""
_MOVES = ((0.0, 0.0), (_STEP, 0.0), (-_STEP, 0.0), (0.0, _STEP), (0.0, -_STEP))
"""Right and down, in landmark radii: first the window as it lies."""
LOOKS = len(_MOVES)
_SMOOTH = 1.8
"""Standard deviation in pixels of a blur that more pixels would not make smoother."""
TYPICAL = Path(__file__).with_name("typical_face.json")


def pixel_sha256(rgb: Rgb) -> str:
    """SHA-256 of size and pixels: equal for files that differ only in their wrapping.

    Of the copy that pages show: what differs there in no pixel is the same picture to everybody.
    """
    digest = hashlib.sha256(f"{rgb.shape[1]}x{rgb.shape[0]}".encode())
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.hexdigest()


def looks(rgb: Rgb, points: Plane) -> tuple[Look, ...]:
    """The face's perceptual hash, then the same with the window moved a little to each side.

    The first is the photo's own and is kept; a copy is looked for by all of them, because the landmarks, by which the
    window is laid, stray when the picture is cut otherwise. `points` are the face's landmarks in pixels of `rgb`.
    """
    face = _near(rgb, points)
    return tuple(_bands(_waves(face, move)) for move in _MOVES)


def waves(rgb: Rgb, points: Plane) -> Plane:
    """The BANDS x BITS lowest frequencies of the face: independent of light, size and place."""
    return _waves(_near(rgb, points), _MOVES[0])


def _bands(found: Plane) -> Look:
    """BANDS parts of BITS bits; a copy keeps most bits, and at least one part whole.

    Each bit says whether one low frequency (DCT) of the face is stronger than in a typical face: without that
    comparison all faces would share most bits. Neighbours among the frequencies go into different parts.
    """
    on = found > _TYPICAL_WAVES
    return tuple(int("".join("1" if bit else "0" for bit in on[band::BANDS]), 2) for band in range(BANDS))


@dataclass(frozen=True)
class _Near:
    """The face and what the window may reach around it, smoothed for the window's size; centre and side in pixels."""

    grey: Rgb
    centre: Plane
    side: float


def _near(rgb: Rgb, points: Plane) -> _Near:
    spots = points[:_MESH, :2]
    centre = spots.mean(0)
    side = max(8.0, _ACROSS * float(np.sqrt(((spots - centre) ** 2).sum(1).mean())))
    scale = _SIDE / side
    blur = max(0.5, 0.5 / scale)
    reach = side * (0.5 + _STEP) + 4 * blur
    left, top = np.maximum(0, (centre - reach).astype(int))
    right, bottom = (centre + reach).astype(int) + 1
    grey = cv2.cvtColor(rgb[top : max(top + 1, bottom), left : max(left + 1, right)], cv2.COLOR_RGB2GRAY)
    centre = centre - (left, top)
    if scale >= 1:
        return _Near(np.asarray(grey, np.uint8), centre, side)
    whole = max(1, min(int(blur / _SMOOTH), *grey.shape))  # smooth before it is made smaller; means cost least
    if whole > 1:
        height, width = (size // whole for size in grey.shape)
        grey = cv2.resize(grey[: height * whole, : width * whole], (width, height), interpolation=cv2.INTER_AREA)
        centre, side, blur = (centre + 0.5) / whole - 0.5, side / whole, np.sqrt(blur**2 - (whole**2 - 1) / 12) / whole
    grey = cv2.GaussianBlur(grey, (0, 0), blur)
    return _Near(np.asarray(grey, np.uint8), centre, side)


def _waves(face: _Near, move: tuple[float, float]) -> Plane:
    """The window is laid by the mean and spread of all landmarks, which move less than any one of them, and fades
    towards its border: graduates share the background."""
    scale = _SIDE / face.side
    x, y = face.centre + np.array(move) * face.side / _ACROSS
    matrix = np.array([[scale, 0, _SIDE / 2 - x * scale], [0, scale, _ROW * _SIDE - y * scale]])
    small = cv2.warpAffine(face.grey, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    flat = (small - float((small * _FADE).sum() / _FADE.sum())) * _FADE
    flat /= np.sqrt((flat * flat).sum() / _FADE.sum()) + 1e-6
    return np.asarray(cv2.dct(flat)[_ROWS, _COLUMNS], np.float32)


def _fade() -> Plane:
    """1 in the middle, falling to 0 from 0.7 of the radius on."""
    away = (np.arange(_SIDE) - _SIDE / 2 + 0.5) / (_SIDE / 2)
    return np.clip((1 - np.hypot(away[:, None], away[None])) / 0.3, 0, 1).astype(np.float32)


def _lowest() -> tuple[list[int], list[int]]:
    """Rows and columns of the frequencies, lowest first, without the mean."""
    every = [(row, column) for row in range(_LOW) for column in range(_LOW) if row + column]
    every.sort(key=lambda at: (at[0] ** 2 + at[1] ** 2, at))
    rows, columns = zip(*every[: BANDS * BITS], strict=True)
    return list(rows), list(columns)


_FADE = _fade()
_ROWS, _COLUMNS = _lowest()
_TYPICAL_WAVES = np.array(json.loads(TYPICAL.read_text()), np.float32) / 1000
