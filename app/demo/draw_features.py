"""Eyes, brows, nose and mouth, each with the expression that a portrait asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.demo.draw_base import Colour, Layer, Points, area, ellipse, smooth, strokes
from app.demo.draw_pose import Pose
from app.demo.draw_sitter import Sitter

LASH: Colour = (30, 22, 22)


@dataclass(frozen=True)
class Mood:
    """What the face does: `open_eyes` 0..1, `smile` 0..1, `open_mouth` 0..1, `gaze` -1..1, `brows` raised 0..1."""

    open_eyes: float = 1.0
    smile: float = 0.0
    open_mouth: float = 0.0
    gaze: float = 0.0
    brows: float = 0.0


def darker(colour: Colour, r: float, g: float, b: float) -> Colour:
    """The colour with its three parts scaled."""
    return (colour[0] * r, colour[1] * g, colour[2] * b)


def draw_features(layer: Layer, s: Sitter, pose: Pose, mood: Mood) -> None:
    """All features over a painted head."""
    draw_nose(layer, s, pose)
    draw_mouth(layer, s, pose, mood)
    for sign in (-1, 1):
        draw_eye(layer, s, pose, mood, sign)
        draw_brow(layer, s, pose, mood, sign)


def _place(points: object, s: Sitter, sign: int, k: float) -> Points:
    p = np.asarray(points, np.float64) * k
    return np.stack([sign * (s.eye_gap + p[:, 0]), p[:, 1]], 1)


def draw_eye(layer: Layer, s: Sitter, pose: Pose, mood: Mood, sign: int) -> None:
    """One eye: socket, white, iris, lids, lashes, fold."""
    size, u, k = (layer.width, layer.height), pose.unit, s.eye_size
    o = mood.open_eyes
    top, low = -s.lid * 0.58 * o + 0.085 * (1 - o), s.lid * 0.42 * o + 0.085 * (1 - o)
    upper = smooth([(-0.205, 0.03), (-0.13, top * 0.62), (0.0, top), (0.12, top * 0.82), (0.225, -0.012)], closed=False)
    lower = smooth([(0.225, -0.012), (0.13, low * 0.82), (0.0, low), (-0.12, low * 0.72), (-0.205, 0.03)], closed=False)

    def on(points: Points) -> Points:
        return pose.px(_place(points, s, sign, k))

    socket = smooth([(-0.27, 0.0), (0.0, -0.2), (0.3, -0.05), (0.0, 0.13)])
    layer.tint(area(size, on(socket), u * 0.05), darker(s.skin, 0.82, 0.68, 0.63), 0.28)
    if o > 0.12:
        opening = area(size, on(np.vstack([upper, lower])), 0.8)
        layer.tint(opening, (243, 240, 238))
        _iris(layer, s, pose, mood, sign, opening.times(np.ones_like(layer.a)))
        lid_shadow = strokes(size, [on(np.add(upper, (0, 0.018)))], [u * 0.035], 3)
        full = np.zeros_like(layer.a)
        full[opening.rows, opening.cols] = opening.data
        layer.tint(lid_shadow.times(full), (60, 40, 38), 0.5)
        inner = ellipse(*pose.at(sign * (s.eye_gap - 0.185 * k), 0.025 * k), u * 0.022, u * 0.016)
        layer.tint(area(size, inner, 1.2), (214, 150, 140), 0.75)
    thick = u * (0.030 if s.female else 0.023)
    layer.tint(strokes(size, [on(upper), on(upper[8:])], [thick * 0.8, thick * 1.2], 1.0), LASH, 0.92)
    if s.female:
        _lashes(layer, on, upper, u)
    layer.tint(strokes(size, [on(lower)], [u * 0.012], 1.6), darker(s.skin, 0.5, 0.36, 0.33), 0.55)
    fold = smooth(
        [
            (-0.2, -0.035),
            (-0.11, top - 0.035),
            (0.02, min(top, -0.03) - 0.052),
            (0.14, top * 0.8 - 0.05),
            (0.25, -0.05),
        ],
        closed=False,
    )
    layer.tint(strokes(size, [on(fold)], [u * 0.014], 2.0), darker(s.skin, 0.55, 0.38, 0.34), 0.6)
    bag = smooth([(-0.17, low + 0.05), (0.0, low + 0.085), (0.17, low + 0.05)], closed=False)
    layer.tint(strokes(size, [on(bag)], [u * 0.02], u * 0.025), darker(s.skin, 0.7, 0.52, 0.48), 0.3)


def _iris(layer: Layer, s: Sitter, pose: Pose, mood: Mood, sign: int, opening: object) -> None:
    size, u, k = (layer.width, layer.height), pose.unit, s.eye_size
    full = np.zeros_like(layer.a)
    full[opening.rows, opening.cols] = opening.data  # type: ignore[attr-defined]
    x, y = pose.at(sign * s.eye_gap + mood.gaze * 0.1, -0.012 * k)
    r = 0.094 * u * k
    layer.tint(area(size, ellipse(x, y, r, r), 1.4).times(full), darker(s.iris, 0.5, 0.5, 0.5))
    layer.tint(area(size, ellipse(x, y, r * 0.84, r * 0.84), 2.0).times(full), s.iris)
    layer.tint(
        area(size, ellipse(x, y + r * 0.4, r * 0.55, r * 0.36), 3).times(full), darker(s.iris, 1.8, 1.7, 1.6), 0.6
    )
    layer.tint(area(size, ellipse(x, y, r * 0.42, r * 0.42), 1.2).times(full), (14, 10, 10))
    layer.tint(
        area(size, ellipse(x - r * 0.28, y - r * 0.34, r * 0.2, r * 0.17), 0.9).times(full), (255, 255, 255), 0.95
    )
    layer.tint(
        area(size, ellipse(x + r * 0.34, y + r * 0.36, r * 0.1, r * 0.09), 1.0).times(full), (255, 255, 255), 0.4
    )


def _lashes(layer: Layer, on: object, upper: Points, u: float) -> None:
    lines = []
    for i in range(10, len(upper), 3):
        x, y = upper[i]
        lines.append(
            on(
                smooth(
                    [(x, y), (x + 0.018 + 0.05 * x, y - 0.02), (x + 0.03 + 0.1 * x, y - 0.035)], closed=False, steps=4
                )
            )
        )  # type: ignore[operator]
    layer.tint(strokes((layer.width, layer.height), lines, [u * 0.008] * len(lines), 0.6), LASH, 0.7)


def draw_brow(layer: Layer, s: Sitter, pose: Pose, mood: Mood, sign: int) -> None:
    """A brow of single hairs over a soft base."""
    size, u, t = (layer.width, layer.height), pose.unit, s.brow
    up = -0.09 * mood.brows
    spine = np.array([(-0.22, -0.275), (-0.05, -0.315), (0.12, -0.34), (0.24, -0.31), (0.32, -0.265)])
    spine = np.add(spine, (0, up))
    width = np.array([0.75, 1.0, 0.9, 0.55, 0.12]) * t / 2
    edge = np.vstack([spine - np.stack([0 * width, width], 1), (spine + np.stack([0 * width, width], 1))[::-1]])
    place = lambda p: pose.px(_place(p, s, sign, 1.0))  # noqa: E731
    colour = darker(s.hair, 1.1, 1.02, 1.0)
    layer.tint(area(size, place(smooth(edge, steps=6)), u * 0.014), colour, 0.62 if s.female else 0.7)
    rng = np.random.default_rng(s.seed * 7 + sign + 1)
    hairs = []
    for f in np.linspace(0.02, 0.97, 46):
        i = f * (len(spine) - 1)
        a = int(min(i, len(spine) - 2))
        x, y = spine[a] + (spine[a + 1] - spine[a]) * (i - a)
        half = np.interp(i, range(len(width)), width)
        y += rng.uniform(-0.6, 0.9) * half
        slant = 0.9 - 1.5 * f
        hairs.append(
            place(
                np.array([(x, y + half * 0.5), (x + 0.03, y - half * 0.5 * slant), (x + 0.06, y - half * slant * 0.7)])
            )
        )
    layer.tint(strokes(size, hairs, [u * 0.009] * len(hairs), 0.6), darker(s.hair, 0.8, 0.8, 0.8), 0.6)


def draw_nose(layer: Layer, s: Sitter, pose: Pose) -> None:
    """Shadow below the tip, nostrils and wings; the ridge comes from the light."""
    size, u, k = (layer.width, layer.height), pose.unit, s.nose
    deep, soft = darker(s.skin, 0.42, 0.27, 0.24), darker(s.skin, 0.7, 0.5, 0.45)
    under = smooth([(-0.22 * k, 0.66), (0.0, 0.635), (0.22 * k, 0.66), (0.1 * k, 0.72), (-0.1 * k, 0.72)])
    layer.tint(area(size, pose.px(under, 0.12), 5), soft, 0.5)
    for sign in (-1, 1):
        hole = smooth(
            [(sign * 0.055 * k, 0.672), (sign * 0.10 * k, 0.652), (sign * 0.15 * k, 0.668), (sign * 0.10 * k, 0.69)]
        )
        layer.tint(area(size, pose.px(hole, 0.13), 1.6), deep, 0.8)
        wing = smooth(
            [(sign * 0.205 * k, 0.53), (sign * 0.25 * k, 0.6), (sign * 0.235 * k, 0.67), (sign * 0.18 * k, 0.685)],
            closed=False,
        )
        layer.tint(strokes(size, [pose.px(wing, 0.06)], [u * 0.02], 4.0), soft, 0.7)
        bridge = smooth(
            [(sign * 0.16, -0.2), (sign * 0.105, 0.0), (sign * 0.12, 0.3), (sign * 0.17, 0.48)], closed=False
        )
        layer.tint(strokes(size, [pose.px(bridge, 0.06)], [u * 0.04], u * 0.05), soft, 0.22)


def draw_mouth(layer: Layer, s: Sitter, pose: Pose, mood: Mood) -> None:
    """Closed lips, a smile with teeth, or an open mouth."""
    size, u = (layer.width, layer.height), pose.unit
    w, y, k = s.mouth * (1 + 0.28 * mood.smile), 0.94, s.lips
    lift = -0.028 - 0.10 * mood.smile
    gap = 0.10 * mood.smile + 0.34 * mood.open_mouth
    up, low = -0.085 * k - 0.02 * mood.open_mouth, 0.115 * k + gap
    red = (0.84, 0.56, 0.54) if s.female else (0.84, 0.65, 0.61)
    upper_lip, lower_lip = darker(s.skin, red[0] * 0.92, red[1] * 0.9, red[2] * 0.9), darker(s.skin, *red)
    corner = (w, y + lift)
    line = [
        (-w, y + lift),
        (-w * 0.5, y + 0.012 + lift * 0.2),
        (0.0, y + 0.006),
        (w * 0.5, y + 0.012 + lift * 0.2),
        corner,
    ]
    top = [(-w, y + lift), (-w * 0.55, y + up * 0.55 + lift * 0.4), (-0.085, y + up), (0.0, y + up * 0.78),
           (0.085, y + up), (w * 0.55, y + up * 0.55 + lift * 0.4), corner]  # fmt: skip
    bottom = [
        corner,
        (w * 0.6, y + low * 0.72 + lift * 0.5),
        (0.0, y + low),
        (-w * 0.6, y + low * 0.72 + lift * 0.5),
        (-w, y + lift),
    ]
    whole = np.vstack([smooth(top, closed=False), smooth(bottom, closed=False)])
    layer.tint(area(size, pose.px(whole, 0.04), 1.8), lower_lip, 0.85)
    upper = np.vstack([smooth(top, closed=False), smooth(line, closed=False)[::-1]])
    layer.tint(area(size, pose.px(upper, 0.04), 1.8), upper_lip, 0.85)
    if gap > 0.02:
        _inside(layer, pose, w, y, lift, gap)
    else:
        layer.tint(
            strokes(size, [pose.px(smooth(line, closed=False), 0.04)], [u * 0.013], 1.3),
            darker(s.skin, 0.4, 0.22, 0.21),
            0.85,
        )
    gleam = ellipse(0.0, y + low * 0.58, w * 0.38, 0.018)
    layer.tint(area(size, pose.px(gleam, 0.04), 5), (255, 236, 230), 0.3)
    below = smooth([(-w * 0.5, y + low + 0.03), (0.0, y + low + 0.05), (w * 0.5, y + low + 0.03)], closed=False)
    layer.tint(strokes(size, [pose.px(below)], [u * 0.05], u * 0.04), darker(s.skin, 0.7, 0.52, 0.47), 0.4)
    for sign in (-1, 1):
        end = ellipse(sign * (w + 0.01), y + lift + 0.004, 0.022, 0.02)
        layer.tint(area(size, pose.px(end), 4), darker(s.skin, 0.5, 0.34, 0.31), 0.5)
        crease = smooth(
            [(sign * 0.27, 0.66), (sign * (0.38 + 0.06 * mood.smile), 0.8), (sign * (0.42 + 0.1 * mood.smile), 0.95)],
            closed=False,
        )
        layer.tint(
            strokes(size, [pose.px(crease)], [u * 0.02], 5), darker(s.skin, 0.62, 0.45, 0.4), 0.13 + 0.45 * mood.smile
        )


def _inside(layer: Layer, pose: Pose, w: float, y: float, lift: float, gap: float) -> None:
    size = (layer.width, layer.height)
    edge = [(-w * 0.88, y + lift * 0.85), (0.0, y - 0.005), (w * 0.88, y + lift * 0.85),
            (w * 0.5, y + gap * 0.8 + lift * 0.3), (0.0, y + gap), (-w * 0.5, y + gap * 0.8 + lift * 0.3)]  # fmt: skip
    opening = area(size, pose.px(smooth(edge), 0.04), 1.0)
    layer.tint(opening, (72, 26, 28))
    full = np.zeros_like(layer.a)
    full[opening.rows, opening.cols] = opening.data
    teeth = [
        (-w * 0.8, y + lift * 0.8 - 0.02),
        (w * 0.8, y + lift * 0.8 - 0.02),
        (w * 0.5, y + 0.075 + lift * 0.2),
        (0.0, y + 0.085),
        (-w * 0.5, y + 0.075 + lift * 0.2),
    ]
    layer.tint(area(size, pose.px(smooth(teeth), 0.04), 1.0).times(full), (240, 236, 228), 0.96)
    gaps = [pose.px(np.array([(x * w, y - 0.02), (x * w, y + 0.08)]), 0.04) for x in (-0.5, -0.3, -0.1, 0.1, 0.3, 0.5)]
    layer.tint(strokes(size, gaps, [pose.unit * 0.006] * len(gaps), 0.8).times(full), (160, 140, 130), 0.4)
