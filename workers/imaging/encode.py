"""Makes the rendition: one lossy pass from the original's pixels, the same bytes on every run."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.rules.photo_rule import Output

Rgb = npt.NDArray[np.uint8]

PREVIEW = 1280
"""Long side in pixels of the upright copy that pages show and draw the ruler on."""


def cut(rgb: Rgb, cell: tuple[float, float, float, float], output: Output) -> Rgb:
    """A part of a picture (left, top, right, bottom in its pixels) at the output's size, resized with Lanczos."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = (max(0.0, cell[0]), max(0.0, cell[1]), min(width, cell[2]), min(height, cell[3]))
    if (left, top, right, bottom) == (0, 0, output.width, output.height) == (0, 0, width, height):
        return rgb
    size = (output.width, output.height)
    part = Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom), reducing_gap=3.0)
    return np.asarray(part)


def encode(portrait: Rgb, output: Output) -> tuple[bytes, int]:
    """JPEG bytes and quality: the highest from best to least that lands within the bytes, found by bisection.

    Colour is kept in full where that fits, and halved (4:2:0) before the quality goes under its least. What fits in no
    way comes back at the least quality, over the limit: `output_size` says so.
    """
    for subsampling in (0, 2):
        low, high, best = output.quality_least, output.quality_best, None
        while low <= high:
            middle = (low + high + 1) // 2
            data = _jpeg(portrait, middle, subsampling, output.dpi)
            if len(data) <= output.max_bytes:
                best, low = (data, middle), middle + 1
            else:
                high = middle - 1
        if best is not None:
            return best
    return data, output.quality_least


def _jpeg(portrait: Rgb, quality: int, subsampling: int, dpi: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(portrait).save(
        file, "JPEG", quality=quality, subsampling=subsampling, dpi=(dpi, dpi), optimize=True, progressive=False
    )
    return file.getvalue()


def preview(rgb: Rgb) -> bytes:
    """A small upright JPEG of the whole picture for pages; nothing is delivered from it."""
    image = Image.fromarray(rgb)
    image.thumbnail((PREVIEW, PREVIEW), Image.Resampling.BILINEAR, reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=82)
    return file.getvalue()


def mask_png(alpha: npt.NDArray[np.float32]) -> bytes:
    """An alpha plane (0..1) as an 8-bit grey PNG."""
    file = io.BytesIO()
    Image.fromarray(np.rint(alpha * 255).astype(np.uint8)).save(file, "PNG", optimize=True)
    return file.getvalue()
