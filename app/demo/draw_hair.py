"""Hair that leaves ears and brows free: a cap between hairline and contour, combed by style, and what falls behind.

The cap has its own coordinates: t runs over the head from the left temple (0) to the right one (1), s from the
hairline (0) to the contour (1). Every strand is a curve in t and s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.demo.draw_base import Colour, Layer, Points, area, ellipse, smooth, strokes
from app.demo.draw_pose import Pose
from app.demo.draw_sitter import Sitter

Half = tuple[tuple[float, float], ...]
# right halves, from the temple to the middle of the head
HAIRLINE: dict[bool, Half] = {
    True: ((0.985, -0.12), (0.935, -0.42), (0.80, -0.72), (0.46, -0.94), (0.0, -1.0)),
    False: ((0.925, 0.10), (0.885, -0.30), (0.83, -0.64), (0.58, -0.90), (0.0, -0.94)),
}
CONTOUR: dict[str, Half] = {
    "short": ((0.995, 0.10), (1.06, -0.46), (0.99, -1.02), (0.61, -1.43), (0.0, -1.60)),
    "side_part": ((0.995, 0.10), (1.06, -0.46), (1.00, -1.04), (0.63, -1.46), (0.0, -1.62)),
    "crew": ((0.99, 0.08), (1.03, -0.46), (0.95, -0.98), (0.58, -1.37), (0.0, -1.53)),
    "swept": ((0.995, 0.10), (1.05, -0.46), (0.99, -1.03), (0.63, -1.48), (0.0, -1.64)),
    "ponytail": ((1.0, -0.12), (1.05, -0.50), (0.96, -1.00), (0.58, -1.41), (0.0, -1.58)),
    "bun": ((1.0, -0.12), (1.05, -0.50), (0.96, -1.00), (0.58, -1.40), (0.0, -1.56)),
    "long": ((1.0, -0.12), (1.10, -0.50), (1.01, -1.04), (0.62, -1.46), (0.0, -1.63)),
    "tucked_bob": ((1.0, -0.12), (1.11, -0.50), (1.02, -1.04), (0.62, -1.46), (0.0, -1.63)),
}
PARTED = ("side_part", "long", "tucked_bob")
# outlines of the hair behind neck and ears
BEHIND: dict[str, Half] = {
    "long": ((0.7, -1.0), (1.10, -0.7), (1.20, 0.0), (1.20, 0.7), (1.16, 1.4), (1.22, 2.0), (1.18, 2.7), (0.0, 2.8)),
    "tucked_bob": ((0.7, -1.0), (1.10, -0.7), (1.20, 0.0), (1.20, 0.6), (1.12, 1.1), (0.96, 1.46), (0.5, 1.5),
                   (0.0, 1.5)),
}  # fmt: skip
TONES = ((0.62, 0.30), (1.0, 0.24), (1.75, 0.30), (2.5, 0.20))  # of the strands: brightness and share


@dataclass(frozen=True)
class Cap:
    """The grid of t and s in canvas pixels."""

    inner: Points
    outer: Points

    @classmethod
    def of(cls, s: Sitter, pose: Pose) -> Cap:
        """The cap of a sitter in a pose; the hairline turns with the face, the contour stays."""
        line = _across(HAIRLINE[s.female])
        still, share = pose.px(line, flat=True), 1 - np.abs(line[:, :1]).clip(0, 1) ** 4  # the temples hardly move
        return cls(still + (pose.px(line) - still) * share, pose.px(_across(CONTOUR[s.hair_style]), flat=True))

    def at(self, t: NDArray[np.float64], s: NDArray[np.float64]) -> Points:
        """Canvas pixels of grid points; s may leave 0..1 a little."""
        k, i = np.arange(len(self.inner)), np.clip(t, 0, 1) * (len(self.inner) - 1)
        low, high = (
            np.stack([np.interp(i, k, line[:, 0]), np.interp(i, k, line[:, 1])], -1)
            for line in (self.inner, self.outer)
        )
        return low + (high - low) * s[..., None]

    def band(self, low: float, high: float, start: float = 0.0, end: float = 1.0) -> Points:
        """The outline of the part between two s and two t."""
        t = np.linspace(start, end, 70)
        return np.vstack([self.at(t, np.full(70, high)), self.at(t[::-1], np.full(70, low))])


def _across(half: Half) -> Points:
    left = [(-x, y) for x, y in half]
    return smooth([*left, *half[-2::-1]], closed=False)


def tone(colour: Colour, k: float) -> Colour:
    """The hair colour darker (k < 1) or as a warm sheen (k > 1)."""
    if k <= 1:
        return (colour[0] * k, colour[1] * k, colour[2] * k)
    more = (k - 1) * 26
    return (colour[0] * 1.15 + more, colour[1] * 1.1 + more * 0.9, colour[2] * 1.1 + more * 0.84)


def draw_hair_behind(layer: Layer, s: Sitter, pose: Pose, rng: np.random.Generator) -> None:
    """What of the hair lies behind head and neck: long hair, a bob, a tail, a knot on top."""
    size, u = (layer.width, layer.height), pose.unit
    dark = tone(s.hair, 0.72)
    if s.hair_style in BEHIND:
        half = np.asarray(BEHIND[s.hair_style])
        shape = smooth(np.vstack([half, (half * [-1, 1])[::-1][1:]]))
        layer.paint(area(size, pose.px(shape, flat=True), 1.0), dark)
        side = smooth(half[1:-2], closed=False)
        lines: list[list[Points]] = [[], [], []]
        for _ in range(150):
            x = rng.choice((-1, 1)) * np.sqrt(rng.uniform(0.25, 1.0))
            wave = 0.02 * np.sin(np.linspace(0, rng.uniform(3, 7), len(side)) + rng.uniform(0, 6))
            lines[int(rng.integers(3))].append(pose.px(side * [x, 1.0] + np.stack([wave, wave * 0], 1), flat=True))
        for group, k in zip(lines, (0.5, 1.2, 1.9), strict=True):
            layer.tint(strokes(size, group, [u * 0.012] * len(group), 0.8), tone(s.hair, k), 0.45)
        loose = [
            pose.px(side[12:] * [x, 1.0], flat=True) for x in rng.choice((-1, 1), 10) * rng.uniform(0.99, 1.015, 10)
        ]
        layer.paint(strokes(size, loose, [1.0] * len(loose), 0.4), dark, 0.8)
    elif s.hair_style == "ponytail":
        sign = 1 if s.part > 0 else -1
        tail = np.array([(0.3, 0.9), (0.72, 1.1), (0.92, 1.5), (0.96, 1.95), (0.8, 2.5), (0.3, 2.5)]) * [sign, 1]
        layer.paint(area(size, pose.px(smooth(tail), flat=True), 1.2), dark)
        hairs = [pose.px(smooth(tail[1:5] * [k, 1.0], closed=False), flat=True) for k in rng.uniform(0.62, 1.02, 40)]
        layer.tint(strokes(size, hairs, [u * 0.01] * 40, 0.7), tone(s.hair, 1.7), 0.4)
        layer.paint(strokes(size, hairs[:6], [1.0] * 6, 0.4), dark, 0.8)
    elif s.hair_style == "bun":
        knot = pose.px(ellipse(0.0, -1.5, 0.36, 0.24), flat=True)
        layer.paint(area(size, knot, 1.2), dark)
        rings = [
            pose.px(ellipse(0.0, -1.5, 0.34 * k, 0.23 * k, rng.uniform(-0.1, 0.1)), flat=True)
            for k in rng.uniform(0.3, 1, 26)
        ]
        layer.tint(strokes(size, rings, [u * 0.01] * 26, 0.7), tone(s.hair, 1.8), 0.4)


def draw_hair(layer: Layer, s: Sitter, pose: Pose, rng: np.random.Generator) -> None:
    """The hair on the head, over a painted face."""
    size, u, cap = (layer.width, layer.height), pose.unit, Cap.of(s, pose)
    layer.tint(area(size, cap.band(-0.07, 0.3), u * 0.045), tone(s.hair, 1.0), 0.33)  # the skin under the first hairs
    layer.paint(area(size, cap.band(0.02, 1.0), 1.3), tone(s.hair, 0.95))
    if s.hair_style == "short":
        _fringe(layer, s, cap, rng)
    _comb(layer, s, cap, u, rng)
    for low, high, k, opacity in ((0.42, 0.66, 3.0, 0.26), (-0.02, 0.1, 0.6, 0.25), (0.9, 1.02, 0.5, 0.4)):
        layer.tint(area(size, cap.band(low, high, 0.16, 0.84), u * 0.07), tone(s.hair, k), opacity)
    if s.hair_style in PARTED:
        t = np.full(12, 0.5 + 0.25 * s.part)
        line = cap.at(t + np.linspace(0, -0.05 * np.sign(s.part), 12), np.linspace(0.0, 0.62, 12))
        layer.tint(strokes(size, [line], [u * 0.012], 1.6), (s.skin[0] * 0.75, s.skin[1] * 0.62, s.skin[2] * 0.56), 0.6)
    _edges(layer, s, cap, u, rng)


def _comb(layer: Layer, s: Sitter, cap: Cap, u: float, rng: np.random.Generator) -> None:
    size = (layer.width, layer.height)
    full = np.zeros_like(layer.a)
    inside = area(size, cap.band(-0.04, 1.0), 1.0)
    full[inside.rows, inside.cols] = inside.data
    count = 620
    for k, share in TONES:
        lines = list(cap.at(*_flow(s, rng, int(count * share))))
        mask = strokes(size, lines, [u * (0.012 if k < 2 else 0.007)] * len(lines), 0.7)
        layer.tint(mask.times(full), tone(s.hair, k), 0.5 if k < 2 else 0.36)


def _flow(s: Sitter, rng: np.random.Generator, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """n strands as t and s along them: parted to both sides, brushed back, standing short or fallen forward."""
    v, one = np.linspace(0, 1, 12)[None, :], np.ones((n, 1))
    if s.hair_style in PARTED:
        middle = 0.5 + 0.25 * s.part
        way = np.where(rng.random((n, 1)) < middle, -middle, 1 - middle)
        level = rng.uniform(0.0, 1.0, (n, 1))
        a = rng.uniform(0, 0.7, (n, 1))
        part = a + rng.uniform(0.25, 0.5, (n, 1)) * v
        rise = 0.16 * np.sin(np.pi * np.clip(part * 1.3, 0, 1)) * (1 - level)
        return middle + way * np.clip(part, 0, 1) ** 0.85, level + rise
    root = rng.uniform(0, 1, (n, 1))
    lean = np.sign(s.part) * 0.03 if s.hair_style == "swept" else 0.0
    if s.hair_style == "crew":
        a = rng.uniform(-0.02, 0.9, (n, 1))
        return root + rng.normal(0, 0.012, (n, 1)) * v, a + 0.16 * v * one
    a = rng.uniform(-0.04, 0.7, (n, 1))
    drift = rng.normal(0, 0.008, (n, 1)) + lean
    if s.hair_style == "short":
        drift = drift + np.sign(s.part) * 0.05
    return root + drift * v**1.5 * 2, a + rng.uniform(0.25, 0.45, (n, 1)) * v


def _fringe(layer: Layer, s: Sitter, cap: Cap, rng: np.random.Generator) -> None:
    """Tips that fall a little over the hairline, well above the brows."""
    tips = []
    lean = 0.03 * np.sign(s.part)
    for t in np.linspace(0.24, 0.76, 26) + rng.normal(0, 0.008, 26):
        long, wide = rng.uniform(0.08, 0.2), rng.uniform(0.014, 0.024)
        t_of = np.array([t - wide, t - wide * 0.2 - lean * 0.6, t - lean, t + wide * 0.5 - lean * 0.4, t + wide])
        tips.append(cap.at(t_of, np.array([0.16, -long * 0.6, -long, -long * 0.5, 0.16])))
    layer.tint(area((layer.width, layer.height), tips, 1.2), tone(s.hair, 0.95), 0.95)


def _edges(layer: Layer, s: Sitter, cap: Cap, u: float, rng: np.random.Generator) -> None:
    """Fine hairs at the hairline and single strands that stand off the contour."""
    size, v = (layer.width, layer.height), np.linspace(0, 1, 8)
    soft = [
        cap.at(t + rng.normal(0, 0.01) * v, rng.uniform(-0.06, 0.0) + 0.16 * v)
        for t in rng.uniform(0.04, 0.96, 170)
    ]  # fmt: skip
    layer.tint(strokes(size, soft, [u * 0.006] * len(soft), 0.6), tone(s.hair, 0.9), 0.6)
    loose = []
    for t in rng.uniform(0.14, 0.86, 46):
        out, drift = rng.uniform(0.005, 0.045), rng.normal(0, 0.06)
        loose.append(cap.at(t + drift * v, 0.93 + (0.07 + out) * np.sin(v * rng.uniform(1.5, 2.9))))
    layer.paint(strokes(size, loose, [1.0] * len(loose), 0.35), tone(s.hair, 0.9), 0.8)
