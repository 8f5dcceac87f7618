"""Soft-edged shapes and layers: the small drawing kit below every demo picture.

Everything is drawn in the pixels of a canvas that is 1600 high for a head-and-shoulders picture.
Colours are RGB in 0..255, masks and alpha are float32 in 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float32]
Points = NDArray[np.float64]
Colour = tuple[float, float, float]

SUPERSAMPLE = 2  # masks are drawn this much larger, then averaged


@dataclass(frozen=True)
class Mask:
    """How much of each pixel a shape covers, for the part of the canvas that it touches."""

    x: int
    y: int
    data: Array

    @property
    def rows(self) -> slice:
        return slice(self.y, self.y + self.data.shape[0])

    @property
    def cols(self) -> slice:
        return slice(self.x, self.x + self.data.shape[1])

    def times(self, full: Array) -> Mask:
        """This mask, kept only where `full` (an array of the whole canvas) is."""
        return Mask(self.x, self.y, self.data * full[self.rows, self.cols])


@dataclass
class Layer:
    """A premultiplied picture with alpha that shapes are painted on."""

    width: int
    height: int
    rgb: Array = field(init=False)
    a: Array = field(init=False)

    def __post_init__(self) -> None:
        self.rgb = np.zeros((self.height, self.width, 3), np.float32)
        self.a = np.zeros((self.height, self.width), np.float32)

    def paint(self, mask: Mask, colour: Colour | Array, opacity: float = 1.0) -> None:
        """Lay a colour (or a picture of the mask's size) over what is there."""
        m = mask.data * np.float32(opacity)
        rgb, a = self.rgb[mask.rows, mask.cols], self.a[mask.rows, mask.cols]
        rgb += m[..., None] * (np.asarray(colour, np.float32) - rgb)
        a += m * (1 - a)

    def tint(self, mask: Mask, colour: Colour | Array, opacity: float = 1.0) -> None:
        """Colour only what is already painted: the outline and the alpha stay as they are."""
        rgb, a = self.rgb[mask.rows, mask.cols], self.a[mask.rows, mask.cols]
        m = (mask.data * np.float32(opacity))[..., None]
        rgb += m * (np.asarray(colour, np.float32) * a[..., None] - rgb)

    def shade(self, mask: Mask, factor: float | Colour) -> None:
        """Multiply by a factor (below 1 darker, above 1 lighter), alpha unchanged."""
        rgb = self.rgb[mask.rows, mask.cols]
        rgb *= 1 + mask.data[..., None] * (np.asarray(factor, np.float32) - 1)

    def put(self, other: Layer) -> None:
        """Lay another layer of the same size over this one, where it has anything."""
        ys, xs = np.flatnonzero(other.a.any(axis=1)), np.flatnonzero(other.a.any(axis=0))
        if not len(ys):
            return
        box = (slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1))
        keep = 1 - other.a[box]
        self.rgb[box] = self.rgb[box] * keep[..., None] + other.rgb[box]
        self.a[box] = self.a[box] * keep + other.a[box]


def smooth(points: Sequence[tuple[float, float]] | Points, *, closed: bool = True, steps: int = 10) -> Points:
    """A Catmull-Rom curve through the points, `steps` pieces between two of them."""
    p = np.asarray(points, np.float64)
    if closed:
        a, b, c, d = np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)
    else:
        q = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
        a, b, c, d = q[:-3], q[1:-2], q[2:-1], q[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a, b, c, d = (k[:, None, :] for k in (a, b, c, d))
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    out = curve.reshape(-1, 2)
    return out if closed else np.vstack([out, p[-1:]])


def mirror(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The right half of an outline (top to bottom), completed by its mirror image to a closed one."""
    left = [(-x, y) for x, y in reversed(points) if x != 0]
    return [*points, *left]


def soften(data: Array, radius: float) -> Array:
    """Gaussian blur of a 0..1 array; `radius` is the standard deviation in pixels."""
    if radius <= 0:
        return data
    image = Image.fromarray((np.clip(data, 0, 1) * 255 + 0.5).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def area(size: tuple[int, int], polygons: Sequence[Points] | Points, blur: float = 0.0) -> Mask:
    """The inside of one or several polygons, clipped to a canvas of `size`, its edge softened by `blur` pixels."""
    shapes = [polygons] if isinstance(polygons, np.ndarray) else list(polygons)
    return _draw(size, shapes, [0.0] * len(shapes), blur, fill=True)


def strokes(size: tuple[int, int], lines: Sequence[Points], widths: Sequence[float], blur: float = 0.0) -> Mask:
    """Open lines of the given widths in pixels."""
    return _draw(size, list(lines), list(widths), blur, fill=False)


def _draw(size: tuple[int, int], shapes: list[Points], widths: list[float], blur: float, *, fill: bool) -> Mask:
    # a wide blur needs no fine drawing: it is done on a smaller picture and enlarged
    scale = SUPERSAMPLE if blur < 4 else 4.0 / blur
    pad = 2 + 3 * blur + max(widths, default=0.0)
    every = np.vstack(shapes)
    low = np.maximum(np.floor(every.min(0) - pad), 0).astype(int)
    high = np.minimum(np.ceil(every.max(0) + pad), size).astype(int)
    w, h = (int(v) for v in np.maximum(high - low, 1))
    x, y = (int(v) for v in np.minimum(low, np.array(size) - 1))
    image = Image.new("L", (max(1, round(w * scale)), max(1, round(h * scale))))
    pen = ImageDraw.Draw(image)
    for shape, width in zip(shapes, widths, strict=True):
        path = [(float(px), float(py)) for px, py in (shape - (x, y)) * scale]
        if fill:
            pen.polygon(path, fill=255)
        else:
            pen.line(path, fill=255, width=max(1, round(width * scale)), joint="curve" if width > 2 else None)
    if blur:
        image = image.filter(ImageFilter.GaussianBlur(blur * scale))
    if image.size != (w, h):
        box = Image.Resampling.BOX if scale > 1 else Image.Resampling.BICUBIC
        image = image.resize((w, h), box)
    data = np.asarray(image, np.float32) / 255
    return Mask(x, y, data)


def ellipse(cx: float, cy: float, rx: float, ry: float, turn: float = 0.0) -> Points:
    """An ellipse as a polygon; `turn` in radians."""
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x, y = rx * np.cos(t), ry * np.sin(t)
    return np.stack([cx + x * np.cos(turn) - y * np.sin(turn), cy + x * np.sin(turn) + y * np.cos(turn)], 1)
