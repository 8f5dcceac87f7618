"""Things on a head and behind it: glasses, sunglasses, a cap, a cluttered room."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from app.demo.draw_base import Array, Colour, Layer, Points, area, smooth, strokes
from app.demo.draw_pose import Pose
from app.demo.draw_sitter import Sitter

FRAME: Colour = (44, 40, 42)
BOOKS: tuple[tuple[int, int, int], ...] = (
    (150, 52, 46), (52, 78, 120), (196, 160, 82), (70, 104, 74), (226, 216, 196), (92, 66, 104), (40, 44, 52),
)  # fmt: skip


def _lens(s: Sitter, sign: int, rx: float, ry: float, power: float) -> Points:
    t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    c, d = np.cos(t), np.sin(t)
    x = sign * (s.eye_gap + 0.01) + rx * np.sign(c) * np.abs(c) ** (2 / power)
    return np.stack([x, 0.035 + ry * np.sign(d) * np.abs(d) ** (2 / power)], 1)


def _side(pose: Pose, lens: tuple[float, float], ear: tuple[float, float]) -> Points:
    """The bar from a lens, which turns with the face, to the ear, which stays at the silhouette."""
    return np.vstack([pose.px(np.array([lens]), 0.05), pose.px(np.array([ear]), flat=True)])


def draw_glasses(layer: Layer, s: Sitter, pose: Pose) -> None:
    """Thin frames that leave eyes and brows to be seen."""
    size, u = (layer.width, layer.height), pose.unit
    power, ry = (2.1, 0.265) if s.glasses == "round" else (3.6, 0.235)
    lines = []
    for sign in (-1, 1):
        rim = pose.px(_lens(s, sign, 0.32, ry, power), 0.1)
        lines += [np.vstack([rim, rim[:2]])]
        lines += [_side(pose, (sign * (s.eye_gap + 0.32), -0.02), (sign * 0.985, -0.05))]
        layer.tint(area(size, rim, 1.0), (255, 255, 255), 0.035)
    gap = s.eye_gap - 0.32
    lines += [pose.px(smooth([(-gap, 0.0), (0.0, -0.045), (gap, 0.0)], closed=False), 0.15)]
    layer.shade(strokes(size, [np.add(k, (0, u * 0.025)) for k in lines], [u * 0.02] * 5, u * 0.02), 0.85)
    layer.tint(strokes(size, lines, [u * 0.022] * 5, 0.8), FRAME, 0.92)


def draw_sunglasses(layer: Layer, s: Sitter, pose: Pose) -> None:
    """Dark glasses over both eyes."""
    size, u = (layer.width, layer.height), pose.unit
    for sign in (-1, 1):
        lens = pose.px(_lens(s, sign, 0.40, 0.31, 2.9), 0.1)
        layer.tint(area(size, lens, 1.0), (20, 20, 24), 0.985)
        shine = pose.px(_lens(s, sign, 0.2, 0.05, 2.0) - [0.05, 0.16], 0.1)
        layer.tint(area(size, shine, 7), (150, 160, 175), 0.35)
        side = _side(pose, (sign * (s.eye_gap + 0.36), -0.06), (sign * 1.0, -0.08))
        layer.tint(strokes(size, [side], [u * 0.06], 1.0), (18, 18, 20))
    bridge = pose.px(np.array([(-0.12, -0.06), (0.0, -0.09), (0.12, -0.06)]), 0.15)
    layer.tint(strokes(size, [bridge], [u * 0.05], 1.0), (18, 18, 20))


def draw_hat(layer: Layer, s: Sitter, pose: Pose) -> None:
    """A cap with a peak that shades the forehead."""
    size, u = (layer.width, layer.height), pose.unit
    colour = (36.0, 46.0, 84.0) if s.seed % 2 else (150.0, 44.0, 48.0)
    dome = smooth([(-1.12, -0.55), (-1.16, -1.0), (-0.86, -1.56), (0.0, -1.80), (0.86, -1.56), (1.16, -1.0),
                   (1.12, -0.55), (0.0, -0.72)])  # fmt: skip
    layer.paint(area(size, pose.px(dome, flat=True), 1.0), colour)
    for x in (-0.5, 0.0, 0.5):
        seam = smooth([(x, -0.7), (x * 1.1, -1.2), (0.0, -1.78)], closed=False)
        layer.shade(strokes(size, [pose.px(seam, flat=True)], [u * 0.012], 1.5), 0.65)
    layer.shade(area(size, pose.px(smooth([(-0.5, -1.5), (0.2, -1.55), (0.1, -1.2), (-0.5, -1.15)])), u * 0.15), 1.3)
    peak = np.array([(-0.98, -0.66), (-0.6, -0.88), (0.0, -0.95), (0.6, -0.88), (0.98, -0.66), (0.62, -0.50),
                     (0.0, -0.42), (-0.62, -0.50)])  # fmt: skip
    layer.shade(area(size, pose.px(np.add(smooth(peak), (0, 0.12)), flat=True), u * 0.05), 0.6)
    layer.paint(area(size, pose.px(smooth(peak), flat=True), 1.0), (colour[0] * 0.8, colour[1] * 0.8, colour[2] * 0.8))


def clutter(size: tuple[int, int], rng: np.random.Generator) -> Array:
    """A room instead of a plain wall: shelves with books, a picture, a door."""
    w, h = size
    image = Image.new("RGB", size, (206, 196, 178))
    pen = ImageDraw.Draw(image)
    pen.rectangle((w * 0.68, h * 0.05, w * 1.02, h), fill=(128, 92, 62))
    pen.rectangle((w * 0.73, h * 0.12, w * 0.95, h * 0.38), fill=(188, 214, 226), outline=(90, 62, 40), width=8)
    pen.rectangle((w * 0.36, h * 0.02, w * 0.62, h * 0.16), fill=(84, 130, 96), outline=(60, 44, 30), width=10)
    pen.ellipse((w * 0.44, h * 0.05, w * 0.50, h * 0.1), fill=(236, 206, 110))
    for shelf in np.arange(0.14, 1.0, 0.17):
        y, x = h * shelf, 0.0
        while x < w * 0.34:
            wide, high = rng.uniform(0.018, 0.045) * w, rng.uniform(0.09, 0.14) * h
            pen.rectangle((x, y - high, x + wide - 3, y), fill=BOOKS[int(rng.integers(len(BOOKS)))])
            x += wide
        pen.rectangle((0, y, w * 0.35, y + h * 0.012), fill=(94, 64, 42))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(2.0)), np.float32)
