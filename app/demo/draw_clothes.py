"""Shoulders down to the lower edge: shirt, suit, sweater or polo, with collars, folds and buttons."""

from __future__ import annotations

import numpy as np

from app.demo.draw_base import Colour, Layer, Mask, Points, area, ellipse, smooth, strokes
from app.demo.draw_pose import Pose
from app.demo.draw_sitter import Sitter

BOTTOM = 7.0  # face units: below the lower edge of every picture
WHITE: Colour = (240, 241, 244)
Pair = tuple[float, float]


def times(colour: Colour, k: float) -> Colour:
    """The colour brighter or darker by a factor, within 0..255."""
    return (min(255.0, colour[0] * k), min(255.0, colour[1] * k), min(255.0, colour[2] * k))


def draw_clothes(layer: Layer, s: Sitter, pose: Pose, rng: np.random.Generator) -> None:
    """The garment of the sitter; `pose` is upright, so that the shoulders stay level."""
    n = 0.54 if s.female else 0.63
    if s.garment == "suit":
        _body(layer, s, pose, n, ((0.0, 2.3), (0.32, 2.0), (n, 1.66)), WHITE, rng)
        _shirt_front(layer, pose, n, WHITE, s.tie if not s.female else None)
        _body(layer, s, pose, n, ((0.0, 4.0), (0.3, 3.0), (0.56, 2.2), (n + 0.06, 1.72)), s.garment_colour, rng)
        _lapels(layer, pose, n, s.garment_colour)
    elif s.garment == "sweater":
        line = ((0.0, 2.14), (0.26, 2.09), (0.48, 1.92), (n + 0.02, 1.68))
        _body(layer, s, pose, n, line, s.garment_colour, rng)
        _neckband(layer, pose, line, s.garment_colour)
    else:
        _body(layer, s, pose, n, ((0.0, 2.42), (0.2, 2.16), (0.4, 1.94), (n, 1.64)), s.garment_colour, rng)
        _shirt_front(layer, pose, n, s.garment_colour, None, length=3.2 if s.garment == "polo" else BOTTOM)


def _both(points: object) -> tuple[Points, Points]:
    p = np.asarray(points, np.float64)
    return p, p * [-1.0, 1.0]


def _body(
    layer: Layer, s: Sitter, pose: Pose, n: float, neckline: tuple[Pair, ...], colour: Colour, rng: np.random.Generator
) -> None:
    size, u = (layer.width, layer.height), pose.unit
    w = 0.92 if s.female else 1.03
    edge = [(n + 0.14, 1.83), (n + 0.62, 2.06), (1.86 * w, 2.30), (2.24 * w, 2.52), (2.48 * w, 2.98), (2.62 * w, 4.2)]
    outer = np.vstack([smooth([neckline[-1], *edge], closed=False), [(2.7 * w, BOTTOM)]])
    half = np.vstack([smooth(neckline, closed=False), outer])
    mask = area(size, pose.px(np.vstack([half, (half * [-1, 1])[::-1]]), flat=True), 0.9)
    layer.paint(mask, _cloth(mask, pose, colour, s.light, rng))
    full = np.zeros_like(layer.a)
    full[mask.rows, mask.cols] = mask.data
    for line, wide, blur, k in (
        (((1.72 * w, 3.3), (1.78 * w, 4.0), (1.74 * w, 5.5)), 0.05, 0.07, 0.55),
        (((1.50 * w, 3.1), (1.30 * w, 3.6), (1.25 * w, 4.4)), 0.08, 0.10, 0.85),
        (((2.15 * w, 2.8), (2.05 * w, 3.4), (2.10 * w, 4.2)), 0.10, 0.10, 1.12),
        (((0.75, 2.3), (0.95, 3.0), (0.85, 4.0)), 0.10, 0.12, 1.10),
    ):
        for side in _both(smooth(line, closed=False)):
            layer.shade(strokes(size, [pose.px(side, flat=True)], [u * wide], u * blur).times(full), k)
    for side in _both(smooth(((n + 0.55, 2.05), (1.72 * w, 2.6), (1.76 * w, 3.4)), closed=False)):
        layer.shade(strokes(size, [pose.px(side[8:], flat=True)], [u * 0.012], 1.6).times(full), 0.8)
    chin = pose.px(smooth(((-0.55, 1.9), (0.55, 1.9), (0.4, 2.35), (-0.4, 2.35))), flat=True)
    layer.shade(area(size, chin, u * 0.14).times(full), 0.86)


def _cloth(mask: Mask, pose: Pose, colour: Colour, side: float, rng: np.random.Generator) -> np.ndarray:
    h, w = mask.data.shape
    x = (np.arange(w, dtype=np.float32) + mask.x - pose.cx) / pose.unit
    y = (np.arange(h, dtype=np.float32) + mask.y - pose.cy) / pose.unit
    light = (1.05 - 0.045 * np.abs(x) ** 2 + side * 0.1 * x)[None, :] - 0.05 * np.clip(y - 2.2, 0, 3)[:, None]
    weave = rng.standard_normal((h // 2 + 1, w // 2 + 1)).astype(np.float32).repeat(2, 0).repeat(2, 1)[:h, :w]
    light = light * (1 + 0.016 * weave)
    return np.clip(light[..., None] * np.asarray(colour, np.float32), 0, 252)


def _shirt_front(
    layer: Layer, pose: Pose, n: float, colour: Colour, tie: Colour | None, length: float = BOTTOM
) -> None:
    """Collar leaves, the strip with buttons, and a tie if there is one."""
    size, u = (layer.width, layer.height), pose.unit
    pale = colour[1] > 150
    line = times(colour, 0.78 if pale else 0.62)
    strip = np.array([(-0.10, 2.35), (0.10, 2.35), (0.10, length), (-0.10, length)])
    layer.tint(area(size, pose.px(strip, flat=True), 1.5), times(colour, 0.98 if pale else 1.12), 0.7)
    seams = [np.array([(x, 2.35), (x, length)]) for x in (-0.10, 0.10)]
    layer.tint(strokes(size, [pose.px(seam, flat=True) for seam in seams], [u * 0.008] * 2, 1.0), line, 0.7)
    if tie is None:
        for y in np.arange(2.62, min(length, 6.0), 0.62 if length > 4 else 0.3):
            spot = pose.px(ellipse(0.0, y, 0.038, 0.038), flat=True)
            layer.shade(area(size, np.add(spot, (1.5, 2.5)), 2.0), 0.7)
            layer.tint(area(size, spot, 0.9), times(colour, 0.92 if pale else 1.35))
    else:
        blade = np.array([(-0.09, 2.4), (0.09, 2.4), (0.22, 4.6), (0.22, BOTTOM), (-0.22, BOTTOM), (-0.22, 4.6)])
        layer.shade(area(size, pose.px(blade * [1.15, 1], flat=True), u * 0.03), 0.82)
        layer.tint(area(size, pose.px(blade, flat=True), 0.9), tie)
        stripes = [np.array([(-0.4, y), (0.4, y - 0.4)]) for y in np.arange(2.7, 6, 0.3)]
        full = np.zeros_like(layer.a)
        body = area(size, pose.px(blade, flat=True), 0.9)
        full[body.rows, body.cols] = body.data
        lines = strokes(size, [pose.px(k, flat=True) for k in stripes], [u * 0.03] * len(stripes), 1.0)
        layer.tint(lines.times(full), times(tie, 1.5), 0.5)
        knot = np.array([(-0.15, 2.12), (0.15, 2.12), (0.10, 2.42), (-0.10, 2.42)])
        layer.paint(area(size, pose.px(knot, flat=True), 1.2), times(tie, 1.1))
        layer.shade(area(size, pose.px(knot * [0.9, 0.2] + [0, 1.94], flat=True), 3), 0.7)
    inner = 0.13 if tie else 0.05
    base = 2.14 if tie else 2.40
    leaf = ((n - 0.03, 1.56), (n + 0.15, 1.76), (0.66, 2.2), (0.50, 2.52), (inner, base), (0.3, 2.02))
    for side in _both(leaf):
        path = pose.px(np.vstack([side, side[:1]]), flat=True)
        layer.shade(area(size, np.add(path, (0, u * 0.04)), u * 0.03), 0.8)
        layer.paint(area(size, path, 0.9), times(colour, 1.0 if pale else 1.16))
        layer.tint(strokes(size, [path], [u * 0.010], 1.0), line, 0.6)
        fold = pose.px(side[[0, 5, 4]], flat=True)
        layer.tint(strokes(size, [fold], [u * 0.05], u * 0.03), line, 0.35)


def _lapels(layer: Layer, pose: Pose, n: float, colour: Colour) -> None:
    size, u = (layer.width, layer.height), pose.unit
    leaf = ((n + 0.03, 1.66), (n + 0.28, 1.92), (1.02, 2.52), (0.82, 2.68), (1.10, 2.78), (0.72, 3.4), (0.02, 4.1),
            (0.28, 3.0), (0.54, 2.2))  # fmt: skip
    for side in _both(leaf):
        path = pose.px(np.vstack([side, side[:1]]), flat=True)
        layer.shade(area(size, np.add(path, (0, u * 0.03)), u * 0.04), 0.68)
        layer.tint(area(size, path, 0.9), times(colour, 1.17))
        layer.tint(strokes(size, [path], [u * 0.010], 0.9), times(colour, 0.6), 0.8)
        layer.tint(strokes(size, [pose.px(side[[3, 8]], flat=True)], [u * 0.010], 0.9), times(colour, 0.6), 0.6)
    front = pose.px(np.array([(0.02, 4.05), (0.03, BOTTOM)]), flat=True)
    layer.tint(strokes(size, [front], [u * 0.014], 1.2), times(colour, 0.5), 0.9)


def _neckband(layer: Layer, pose: Pose, neckline: tuple[Pair, ...], colour: Colour) -> None:
    size, u = (layer.width, layer.height), pose.unit
    right = smooth(neckline, closed=False)
    whole = np.vstack([(right * [-1, 1])[::-1], right[1:]])
    layer.shade(strokes(size, [pose.px(np.add(whole, (0, 0.10)), flat=True)], [u * 0.10], u * 0.03), 0.82)
    centre = np.array([0.0, 1.2])
    away = (whole - centre) / np.linalg.norm(whole - centre, axis=1)[:, None]
    band = np.vstack([whole - away * 0.01, (whole + away * 0.13)[::-1]])
    layer.paint(area(size, pose.px(band, flat=True), 1.0), times(colour, 1.08))
    ribs = [pose.px(np.stack([p, p + a * 0.12]), flat=True) for p, a in zip(whole, away, strict=True)]
    layer.tint(strokes(size, ribs, [u * 0.012] * len(ribs), 1.0), times(colour, 0.75), 0.6)
    layer.tint(strokes(size, [pose.px(whole + away * 0.13, flat=True)], [u * 0.01], 1.0), times(colour, 0.6), 0.7)
