"""Says why no code was read: none there, too small, cut off, photographed from a screen, blurred or damaged.

It looks for the three squares at a code's corners and measures what is wrong around them. Its answers on codes spoilt
in known ways are counted by `make bench WHAT=codes`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Runs = npt.NDArray[np.int64]

_LOOK = 1200  # pixels of the long side at which is looked
_FLAT = 12  # standard deviation in grey levels of a picture with nothing in it
_MODULES = 7  # of a corner square's side
_LEAST_MODULE = 1.5  # pixels; smaller ones are beyond any decoder here
_WIDE_EDGE = 2.5  # pixels (sigma) from which a picture without squares counts as blurred
_SOFT_EDGE = 0.33  # modules (sigma) from which a code counts as blurred; decoders give up at about half a module
_STRIPES = 0.2  # of all fine waves' power: a screen's pattern holds so much in one peak
_FAINT = 3.0  # grey levels: a weaker pattern hinders no decoder
_TINY = 80  # pixels: no code of 21 modules with its quiet zone can be read in less


@dataclass(frozen=True)
class Square:
    """A corner square: left, top and side in pixels of the picture."""

    x: float
    y: float
    side: float


def diagnose(grey: Grey) -> str:
    """The fault of a picture in which nothing was read: a key of CODE_FAULTS."""
    if grey.std() < _FLAT:
        return "no_code"
    part = min(1.0, _LOOK / max(grey.shape))
    small = _grey(cv2.resize(grey, None, fx=part, fy=part, interpolation=cv2.INTER_AREA)) if part < 1 else grey
    smooth = _grey(cv2.GaussianBlur(small, (0, 0), 2))
    found = max((squares(small), squares(smooth), _squares_doubled(small)), key=len)
    if not found:
        return _without_squares(small)
    module = float(np.median([square.side for square in found])) / _MODULES
    if module / part < _LEAST_MODULE:
        return "too_small"
    if striped(small):
        return "moire"
    if _cut_off(small, found, module):
        return "cropped"
    return "blurred" if edge_width(small) > _SOFT_EDGE * module else "damaged"


def _without_squares(grey: Grey) -> str:
    if max(grey.shape) < _TINY:
        return "too_small"
    if striped(grey):
        return "moire"
    if edge_width(grey) > _WIDE_EDGE:
        return "blurred"
    return "cropped" if any(_on_a_grid(line) for line in _borders(grey)) else "no_code"


def squares(grey: Grey) -> list[Square]:
    """Corner squares: dark, light, dark nested in each other, in the proportions 7 to 5 to 3."""
    window = max(15, min(grey.shape) // 8 | 1)
    dark = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, window, 8)
    contours, tree = cv2.findContours(dark, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    found: list[Square] = []
    for index, contour in enumerate(contours):
        child = tree[0][index][2]
        if child < 0 or tree[0][child][2] < 0:
            continue
        x, y, width, height = cv2.boundingRect(contour)
        inner = cv2.boundingRect(contours[tree[0][child][2]])
        alone = all(abs(x - other.x) + abs(y - other.y) > other.side for other in found)
        if alone and width >= 7 and 0.7 < width / height < 1.4 and 0.25 < inner[2] / width < 0.6:
            found.append(Square(x, y, max(width, height)))
    return found


def edge_width(grey: Grey) -> float:
    """How far the sharpest edges are spread, as sigma in pixels of a blurred step; under 0.5 is sharp."""
    plane = cv2.GaussianBlur(grey, (0, 0), 0.7).astype(np.float32)
    slope = cv2.magnitude(cv2.Sobel(plane, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(plane, cv2.CV_32F, 0, 1) / 8)
    low, high = np.percentile(plane, (1, 99))
    steepest = float(np.percentile(slope, 99.5)) + 1e-6
    return float(max(0.0, ((high - low) / (steepest * np.sqrt(2 * np.pi))) ** 2 - 1.0) ** 0.5)


def striped(grey: Grey) -> bool:
    """Whether a regular pattern lies over the picture, as a screen gives it.

    Such a pattern is one sharp peak that holds much of all fine waves; a code or a page has them at many places.
    """
    side = min(512, *grey.shape)
    if side < 64:
        return False
    y, x = (grey.shape[0] - side) // 2, (grey.shape[1] - side) // 2
    part = grey[y : y + side, x : x + side].astype(np.float32)
    window = np.outer(np.hanning(side), np.hanning(side)).astype(np.float32)
    waves = np.abs(np.fft.rfft2((part - part.mean()) * window)) / window.sum() * 2  # amplitudes in grey levels
    across, down = np.abs(np.fft.fftfreq(side))[:, None], np.fft.rfftfreq(side)[None]
    power = np.where(np.hypot(across, down) > 0.06, waves * waves, 0)
    peak = np.unravel_index(int(power.argmax()), power.shape)
    near = power[max(0, peak[0] - 3) : peak[0] + 4, max(0, peak[1] - 3) : peak[1] + 4].sum()
    return bool(waves[peak] > _FAINT and near > _STRIPES * power.sum())


def _cut_off(grey: Grey, found: list[Square], module: float) -> bool:
    """A square at the border, or a border that runs through the modules of a code."""
    height, width = grey.shape
    near = max(2.0, module)
    for square in found:
        if min(square.x, square.y, width - square.x - square.side, height - square.y - square.side) < near:
            return True
    return any(((runs > 0.5 * module) & (runs < 4.5 * module)).sum() >= 8 for runs in _borders(grey))


def _borders(grey: Grey) -> list[Runs]:
    """The lengths of light and dark stretches along each of the picture's four sides."""
    _, dark = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    at = min(2, *(side - 1 for side in grey.shape))
    lines = (dark[at], dark[-1 - at], dark[:, at], dark[:, -1 - at])
    return [np.diff(np.flatnonzero(np.diff(line.astype(np.int16)))) for line in lines]


def _on_a_grid(runs: Runs) -> bool:
    """Whether stretches are whole multiples of one length, as a code's modules are and no scene's are."""
    if runs.size < 10:
        return False
    module = float(np.mean(runs[runs <= 1.4 * np.percentile(runs, 10)]))
    parts = runs / max(1.0, module)
    return module >= 2 and float((np.abs(parts - np.rint(parts)) < 0.2).mean()) > 0.85


def _squares_doubled(grey: Grey) -> list[Square]:
    """Squares of a few pixels, found on a copy twice as large."""
    if max(grey.shape) > _LOOK // 2:
        return []
    large = _grey(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
    return [Square(square.x / 2, square.y / 2, square.side / 2) for square in squares(large)]


def _grey(pixels: npt.NDArray[np.generic]) -> Grey:
    return np.asarray(pixels, np.uint8)
