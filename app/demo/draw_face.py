"""Head, ears and neck: skin with soft light from a height field, so that the drawing looks rounded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.demo.draw_base import Array, Colour, Layer, Mask, area, mirror, smooth, strokes
from app.demo.draw_pose import Pose, bulge
from app.demo.draw_sitter import Sitter

# hills and hollows of a face: x, y, width, height (standard deviations), elevation; x > 0 stands for both sides
RELIEF: tuple[tuple[float, float, float, float, float], ...] = (
    (0.40, -0.30, 0.28, 0.10, 0.045), (0.0, -0.28, 0.14, 0.16, 0.03), (0.44, 0.0, 0.25, 0.14, -0.085),
    (0.0, 0.05, 0.085, 0.22, 0.09), (0.0, 0.32, 0.10, 0.18, 0.13), (0.0, 0.55, 0.125, 0.10, 0.19),
    (0.18, 0.60, 0.075, 0.07, 0.085), (0.58, 0.42, 0.27, 0.25, 0.065), (0.38, 0.76, 0.06, 0.17, -0.016),
    (0.0, 0.93, 0.34, 0.22, 0.05), (0.0, 1.14, 0.20, 0.05, -0.045), (0.0, 1.30, 0.20, 0.13, 0.07),
    (0.0, 0.77, 0.035, 0.07, -0.015), (0.0, -0.75, 0.5, 0.28, 0.05), (0.85, -0.45, 0.12, 0.25, -0.04),
)  # fmt: skip
GRAIN = 3  # the height field is computed on every third pixel


def outline(s: Sitter) -> list[tuple[float, float]]:
    """The face's silhouette from the crown to the chin."""
    c = s.chin
    half = [
        (0.0, -1.44), (0.42, -1.36), (0.76, -1.12), (0.93, -0.72), (0.985, -0.3), (1.0, 0.05), (0.975, 0.42),
        (s.jaw + 0.07, 0.72), (s.jaw - 0.07, 0.98), (s.jaw - 0.30, c - 0.17), (0.26, c - 0.025), (0.0, c),
    ]  # fmt: skip
    return mirror(half)


def ramp(skin: Colour, light: Array) -> Array:
    """Skin under more or less light (about 0..1): shadows turn warm and red, highlights pale."""
    base = np.asarray(skin, np.float32)
    dark = base * np.float32([0.72, 0.57, 0.52])
    pale = base + (np.float32([255, 252, 246]) - base) * np.float32(0.42)
    t = light[..., None]
    return np.where(t < 0.62, dark + (base - dark) * (t / 0.62), base + (pale - base) * ((t - 0.62) / 0.38)).astype(
        np.float32
    )


def light_on(pose: Pose, mask: Mask, side: float, height: float = 0.42) -> Array:
    """How much light falls on each pixel of a mask, 0..1, for a soft frontal lamp."""
    h, w = mask.data.shape
    ys, xs = np.mgrid[0 : h + GRAIN : GRAIN, 0 : w + GRAIN : GRAIN].astype(np.float64)
    x, y = pose.face(xs + mask.x, ys + mask.y)
    z = bulge(x, y) * 0.82
    for cx, cy, sx, sy, up in RELIEF:
        bump = np.exp(-(((np.abs(x) - cx) / sx) ** 2 + ((y - cy) / sy) ** 2) / 2)
        z = z + up * bump
    step = GRAIN / pose.unit
    dy, dx = np.gradient(z, step)
    lamp = np.array([side, -height, 0.9])
    lamp /= np.linalg.norm(lamp)
    lit = (-dx * lamp[0] - dy * lamp[1] + lamp[2]) / np.sqrt(1 + dx**2 + dy**2)
    lit = np.clip((lit + 0.25) / 1.25, 0, 1) ** 1.35
    return enlarge(lit, w, h)


def enlarge(field: NDArray[np.float64], w: int, h: int) -> Array:
    """A coarse field, bicubic, cut to w x h pixels."""
    big = Image.fromarray(field.astype(np.float32)).resize(
        (field.shape[1] * GRAIN, field.shape[0] * GRAIN), Image.Resampling.BICUBIC
    )
    return np.asarray(big, np.float32)[:h, :w]


def mottle(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """The fine unevenness of skin as a factor around 1."""
    out = np.ones(shape, np.float32)
    for cell, amount in ((3, 0.012), (14, 0.012)):
        small = rng.standard_normal((shape[0] // cell + 2, shape[1] // cell + 2)).astype(np.float32)
        big = Image.fromarray(small).resize((small.shape[1] * cell, small.shape[0] * cell), Image.Resampling.BICUBIC)
        out += amount * np.asarray(big, np.float32)[: shape[0], : shape[1]]
    return out


def draw_head(layer: Layer, s: Sitter, pose: Pose, rng: np.random.Generator, side: float) -> None:
    """Ears and face with everything that is skin; features come on top."""
    size = (layer.width, layer.height)
    draw_ears(layer, s, pose)
    face = area(size, pose.px(smooth(outline(s)), flat=True), blur=0.7)
    light = light_on(pose, face, side)
    layer.paint(face, ramp(s.skin, light) * mottle(rng, face.data.shape)[..., None])
    blush(layer, s, pose)


def draw_ears(layer: Layer, s: Sitter, pose: Pose) -> None:
    """Two ears with rim, bowl and lobe."""
    size = (layer.width, layer.height)
    shell = [
        (0.90, -0.14),
        (1.02, -0.20),
        (1.13, -0.13),
        (1.155, 0.05),
        (1.12, 0.25),
        (1.08, 0.44),
        (1.0, 0.53),
        (0.92, 0.45),
    ]
    rim = [(1.0, -0.12), (1.09, -0.08), (1.105, 0.06), (1.075, 0.24)]
    bowl = [(0.96, 0.02), (1.04, 0.02), (1.06, 0.14), (1.03, 0.28), (0.98, 0.34), (0.95, 0.2)]
    skin = np.asarray(s.skin, np.float32)
    base = tuple(float(v) for v in skin * np.float32([0.93, 0.83, 0.79]))
    deep = tuple(float(v) for v in skin * np.float32([0.70, 0.52, 0.47]))
    shift = 0.10 * np.sin(np.radians(pose.yaw))
    for sign in (-1, 1):

        def on(points: list[tuple[float, float]], sign: int = sign) -> NDArray[np.float64]:
            p = smooth(points)
            return pose.px(np.stack([sign * p[:, 0] + shift, p[:, 1]], 1), flat=True)

        layer.paint(area(size, on(shell), 0.7), (base[0], base[1], base[2]))
        layer.tint(area(size, on(bowl), 5), (deep[0], deep[1], deep[2]), 0.55)
        line = smooth(rim, closed=False)
        line = pose.px(np.stack([sign * line[:, 0] + shift, line[:, 1]], 1), flat=True)
        layer.tint(strokes(size, [line], [pose.unit * 0.025], 3), (deep[0], deep[1], deep[2]), 0.45)


def blush(layer: Layer, s: Sitter, pose: Pose) -> None:
    """Warm cheeks and nose tip, a little light on forehead, nose and chin."""
    size = (layer.width, layer.height)
    u = pose.unit
    red = (s.skin[0] * 0.99, s.skin[1] * 0.80, s.skin[2] * 0.77)
    for x, y, r, strength in ((0.6, 0.45, 0.26, 0.30), (-0.6, 0.45, 0.26, 0.30), (0.0, 0.58, 0.13, 0.22)):
        spot = smooth([(x - r, y), (x, y - r * 0.8), (x + r, y), (x, y + r * 0.8)])
        layer.tint(area(size, pose.px(spot), u * 0.13), red, strength + (0.08 if s.female else 0))
    shine = (
        (0.0, -0.72, 0.34, 0.16, 0.13),
        (0.0, 0.28, 0.03, 0.2, 0.22),
        (0.0, 0.53, 0.045, 0.04, 0.3),
        (0.0, 1.3, 0.09, 0.05, 0.12),
    )
    for x, y, rx, ry, strength in shine:
        spot = smooth([(x - rx, y), (x, y - ry), (x + rx, y), (x, y + ry)])
        layer.tint(area(size, pose.px(spot, 0.1), max(4.0, u * rx * 0.35)), (255, 250, 242), strength)


def draw_neck(layer: Layer, s: Sitter, pose: Pose) -> None:
    """The neck down to below the collar, darker under the chin."""
    size = (layer.width, layer.height)
    n = 0.56 if s.female else 0.65
    half = [(n, 0.6), (n - 0.02, 1.35), (n - 0.02, 1.72), (n + 0.10, 1.98), (n + 0.5, 2.2), (n + 0.6, 2.9), (0.0, 3.0)]
    shape = area(size, pose.px(smooth(mirror(half)), flat=True), 0.7)
    h, w = shape.data.shape
    xs = (np.arange(w, dtype=np.float32) + shape.x - pose.cx) / (pose.unit * (n + 0.12))
    ys = (np.arange(h, dtype=np.float32) + shape.y - pose.cy) / pose.unit
    across = 0.60 - 0.26 * np.abs(xs) ** 2.2
    below = np.clip((ys - (s.chin - 0.05)) / 0.75, 0, 1)
    light = np.clip(across[None, :] - 0.16 * (1 - below[:, None]) ** 1.5, 0.05, 0.9)
    layer.paint(shape, ramp(s.skin, light.astype(np.float32)))
    shadow = pose.px(smooth(np.asarray(outline(s)) * [0.93, 1.0] + [0, 0.16]), flat=True)
    layer.tint(area(size, shadow, pose.unit * 0.07), (s.skin[0] * 0.62, s.skin[1] * 0.46, s.skin[2] * 0.41), 0.5)
    for sign in (-1, 1):  # the two cords that meet above the breastbone
        cord = pose.px(smooth([(sign * 0.42, 1.5), (sign * 0.28, 1.8), (sign * 0.09, 2.1)], closed=False), flat=True)
        layer.tint(
            strokes(size, [cord], [pose.unit * 0.05], pose.unit * 0.045),
            (s.skin[0] * 0.7, s.skin[1] * 0.55, s.skin[2] * 0.5),
            0.35,
        )
