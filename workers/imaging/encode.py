"""Makes the rendition: one lossy pass from the original's pixels, the same bytes on every run."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from app.rules.photo_rule import Output
from workers.imaging.resize import Cell, lanczos

Rgb = npt.NDArray[np.uint8]
Sizes = list[tuple[int, float]]
"""Qualities, and bytes there as part of those allowed."""

ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, 4 * 1024 * 1024)  # Pillow's optimised JPEG of pure noise needs more room

_REACH = 8  # averaged pixels beyond the crop that Lanczos may look at: 3 of the output's, each less than 2 of those
_SAMPLED = 86
"""Quality at which a sample of the rows is encoded, to guess where the search starts."""
_STRIP, _EVERY = 16, 4  # rows that JPEG encodes together at 4:2:0, and of how many such strips one is in the sample
_STEEP = (0.3, 3.0)  # between neighbouring qualities a photo's bytes may grow much less than usual, or shrink
_FAR = 3
_HEADERS = 600  # bytes of a JPEG before its pixels
_QUALITIES, _SIZES = (30, *range(60, 96)), (
    0.16, 0.261, 0.267, 0.27, 0.276, 0.279, 0.286, 0.291, 0.295, 0.303, 0.31, 0.318, 0.327, 0.333, 0.342, 0.356, 0.357,
    0.366, 0.381, 0.396, 0.403, 0.42, 0.438, 0.453, 0.475, 0.491, 0.513, 0.549, 0.572, 0.611, 0.644, 0.721, 0.773,
    0.799, 0.857, 0.925, 1.0)  # fmt: skip
"""Bytes of a portrait at a quality, as part of those at 95: the mean of 195 photos, a place to start a search from."""


def cut(rgb: Rgb, cell: Cell, output: Output) -> Rgb:
    """A part of a picture (left, top, right, bottom in its pixels) at the output's size, resized with Lanczos.

    Twice as many pixels and more are first averaged by the largest whole number that leaves enough: sharper than
    resizing by area alone (51 dB like Lanczos throughout), in a third of the time.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = (max(0.0, cell[0]), max(0.0, cell[1]), min(width, cell[2]), min(height, cell[3]))
    if (left, top, right, bottom) == (0, 0, output.width, output.height) == (0, 0, width, height):
        return rgb
    whole = int(min((right - left) / output.width, (bottom - top) / output.height))
    if whole >= 2:
        x, y = (max(0, int(edge) - _REACH * whole) for edge in (left, top))  # only what the filter reaches
        rgb = _averaged(rgb[y : int(bottom) + _REACH * whole, x : int(right) + _REACH * whole], whole)
        left, top, right, bottom = (left - x) / whole, (top - y) / whole, (right - x) / whole, (bottom - y) / whole
    return lanczos(rgb, (left, top, right, bottom), (output.width, output.height))


def _averaged(rgb: Rgb, whole: int) -> Rgb:
    """Means of `whole` x `whole` pixels; what is left over at the right and below repeats the border."""
    height, width = (-(-size // whole) * whole for size in rgb.shape[:2])
    down, across = height - rgb.shape[0], width - rgb.shape[1]
    if down or across:
        rgb = np.asarray(cv2.copyMakeBorder(rgb, 0, down, 0, across, cv2.BORDER_REPLICATE), np.uint8)
    return np.asarray(cv2.resize(rgb, (width // whole, height // whole), interpolation=cv2.INTER_AREA), np.uint8)


def encode(portrait: Rgb, output: Output) -> tuple[bytes, int]:
    """JPEG bytes and quality: the highest from best to least that lands within the bytes.

    Colour is kept in full where that fits, and halved (4:2:0) before the quality goes under its least. What fits in no
    way comes back at the least quality, over the limit: `output_size` says so.
    """
    for subsampling in (0, 2):
        data, quality = _highest(portrait, subsampling, output)
        if len(data) <= output.max_bytes:
            break
    return data, quality


def _highest(portrait: Rgb, subsampling: int, output: Output) -> tuple[bytes, int]:
    """The highest quality that fits, or else the least: looked for first where a sample of the rows says."""
    low, high, best = output.quality_least - 1, output.quality_best + 1, b""
    image = Image.fromarray(portrait)
    sampled, exact = _sampled(portrait, subsampling, output, low, high), Sizes()
    while high - low > 1:
        quality = _guess(low, high, exact or sampled, _steepness(exact if len(exact) > 1 else sampled))
        data = encode_once(image, quality, subsampling, output.dpi)
        exact.append((quality, len(data) / output.max_bytes))
        if len(data) <= output.max_bytes:
            low, best = quality, data
        else:
            high = quality
    return (best, low) if best else (data, high)


def _guess(low: int, high: int, sizes: Sizes, steep: float) -> int:
    """The quality between these two, both left out, that is the highest likely to fit; the least where none is."""
    last, size = sizes[-1]

    def fits(quality: int) -> bool:
        return size * (_usual_size(quality) / _usual_size(last)) ** steep <= 1

    return next((quality for quality in range(high - 1, low, -1) if fits(quality)), low + 1)


def _steepness(sizes: Sizes) -> float:
    """How much more steeply than usual the last two sizes grow with the quality; 1 where there are not two."""
    if len(sizes) < 2:
        return 1.0
    (before, other), (last, size) = sizes[-2:]
    return float(np.clip(np.log(size / other) / np.log(_usual_size(last) / _usual_size(before)), *_STEEP))


def _usual_size(quality: int) -> float:
    return float(np.interp(quality, _QUALITIES, _SIZES))


def _sampled(portrait: Rgb, subsampling: int, output: Output, low: int, high: int) -> Sizes:
    """Likely sizes from a quarter of the rows: within 3 % on most photos, for a quarter of an encoding each.

    Where the first guess lies elsewhere, there is a second sample: it tells how steeply this photo grows.
    """
    rows = np.arange(portrait.shape[0]) // _STRIP % _EVERY == min(1, (portrait.shape[0] - 1) // _STRIP)
    image, more = Image.fromarray(portrait[rows]), portrait.shape[0] / np.count_nonzero(rows)

    def at(quality: int) -> tuple[int, float]:
        sample = len(encode_once(image, quality, subsampling, output.dpi))
        return quality, (_HEADERS + max(1, sample - _HEADERS) * more) / output.max_bytes

    sizes = [at(_SAMPLED)]
    guess = _guess(low, high, sizes, 1.0)
    return sizes if abs(guess - _SAMPLED) < _FAR else [*sizes, at(guess)]


def encode_once(image: Image.Image, quality: int, subsampling: int, dpi: int) -> bytes:
    """One JPEG as the rule wants them, at one quality: subsampling 0 is 4:4:4, 2 is 4:2:0."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=subsampling, dpi=(dpi, dpi), optimize=True, progressive=False)
    return file.getvalue()


def preview(rgb: Rgb) -> bytes:
    """A JPEG for pages, of pixels already small enough; nothing is delivered from it."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=82)
    return file.getvalue()


def mask_png(alpha: npt.NDArray[np.float32]) -> bytes:
    """An alpha plane (0..1) as an 8-bit grey PNG."""
    file = io.BytesIO()
    Image.fromarray(np.rint(alpha * 255).astype(np.uint8)).save(file, "PNG", optimize=True)
    return file.getvalue()
