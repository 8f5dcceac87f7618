"""Drawn portraits for demo and tests: nobody's face, and every fault that the checks look for.

Everything is drawn on a canvas 1600 high (or 1200 wide, if that is less) and then brought to the wanted size.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import segno
from PIL import Image, ImageFilter

from app.demo.draw_base import Array, Layer, area, smooth, soften, strokes
from app.demo.draw_clothes import draw_clothes
from app.demo.draw_extras import clutter, draw_glasses, draw_hat, draw_sunglasses
from app.demo.draw_face import draw_head, draw_neck, outline
from app.demo.draw_features import Mood, draw_features
from app.demo.draw_hair import draw_hair, draw_hair_behind, tone
from app.demo.draw_pose import Pose
from app.demo.draw_sitter import Sitter

FAULTS: tuple[str, ...] = (
    "smile", "open_mouth", "eyes_closed", "tilted", "turned", "shadow", "wrong_wall", "clutter", "side_light", "dark",
    "bright", "grey", "blurred", "too_close", "off_centre", "low_resolution", "no_face", "two_faces", "sunglasses",
    "hat",
)  # fmt: skip
Wall = tuple[int, int, int]
GRAIN = 3  # no channel of the wall differs more than this from its colour
UNIT = 212.0  # canvas pixels of half a face's width
LEVEL = -6.0  # degrees: what the landmark model takes for a level head in these drawings
MOODS: dict[str, Mood] = {
    "smile": Mood(smile=1.0),
    "open_mouth": Mood(open_mouth=1.6),
    "eyes_closed": Mood(open_eyes=0.0),
}
POSES: dict[str, dict[str, float]] = {
    "tilted": {"roll": 12.0},
    "turned": {"yaw": 24.0},
    "too_close": {"unit": UNIT * 1.9, "cy": 800.0},
    "off_centre": {"cx": 0.23},
}
OTHER_WALLS: tuple[Wall, ...] = ((176, 62, 54), (122, 148, 104), (236, 233, 226))


def portrait(
    seed: int,
    size: tuple[int, int] = (1200, 1600),
    wall: Wall = (100, 197, 255),
    fault: str | None = None,
    **pose: float,
) -> Image.Image:
    """A head and shoulders with room around, RGB. The same arguments give the same bytes.

    `size` is in pixels (the fault low_resolution gives a quarter of it), `wall` RGB 0..255, `fault` one of FAULTS;
    any other name raises ValueError. `pose` changes fields of Pose, in canvas pixels (1600 high) and degrees.
    """
    if fault is not None and fault not in FAULTS:
        raise ValueError(f"no such fault: {fault}")
    rng = np.random.default_rng([seed, 1])
    canvas = _canvas(size)
    people = _two(seed, canvas, wall) if fault == "two_faces" else [_one(seed, canvas, wall, fault, pose)]
    back = _background(canvas, wall, people[0].a, fault, rng)
    for person in people:
        back = person.rgb + back * (1 - person.a[..., None])
    if fault == "low_resolution":
        size = (max(1, size[0] // 4), max(1, size[1] // 4))
    image = _resized(back, size)
    if fault in SPOILS:
        image = SPOILS[fault](image)
    return Image.fromarray(_grained(image, rng))


def portrait_with_alpha(
    seed: int, size: tuple[int, int] = (480, 640), wall: Wall = (100, 197, 255)
) -> tuple[Image.Image, Image.Image]:
    """A portrait in the proportions of the finished photo, and the exact share (L, 0..255) of the person per pixel."""
    rng = np.random.default_rng([seed, 2])
    canvas = (round(size[0] * 1280 / size[1]), 1280)
    person = _person(Sitter.of(seed, wall), Pose(canvas[0] / 2, 490.0, UNIT), Mood(), None, canvas)
    picture = person.rgb + np.asarray(wall, np.float32) * (1 - person.a[..., None])
    alpha = np.clip(_resized(person.a * 255, size) + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(_grained(_resized(picture, size), rng)), Image.fromarray(alpha)


def jpeg(image: Image.Image, quality: int = 92) -> bytes:
    """The picture as a JPEG file, as a telephone would send it."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def collection_code(payload: bytes) -> bytes:
    """A PNG of the QR code of these bytes, with the white margin of a picture saved from a message."""
    code = io.BytesIO()
    segno.make_qr(payload, mode="byte", error="m").save(code, kind="png", scale=6, border=4)
    with Image.open(code) as opened:
        square = opened.convert("RGB")
    side = square.width
    page = Image.new("RGB", (side + 120, side + 200), (255, 255, 255))
    page.paste(square, (60, 80))
    out = io.BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def _canvas(size: tuple[int, int]) -> tuple[int, int]:
    k = min(size[0] / 1200, size[1] / 1600)
    return round(size[0] / k), round(size[1] / k)


def _one(seed: int, canvas: tuple[int, int], wall: Wall, fault: str | None, more: Mapping[str, float]) -> Layer:
    s = _fitted(Sitter.of(seed, wall), fault)
    rng = np.random.default_rng([seed, 3])
    pose = Pose(
        canvas[0] / 2 + rng.uniform(-14, 14),
        640 + rng.uniform(-14, 14),
        UNIT * rng.uniform(0.97, 1.03),
        s.roll,
        pitch=LEVEL,
    )
    change = dict(POSES.get(fault or "", {}))
    if fault == "off_centre":
        change["cx"] *= canvas[0]
    pose = replace(pose, **(change | dict(more)))
    return _person(s, pose, MOODS.get(fault or "", Mood()), fault, canvas)


def _fitted(s: Sitter, fault: str | None) -> Sitter:
    """The sitter as a fault needs it: a jaw that drops, no glasses before closed or hidden eyes."""
    if fault == "open_mouth":
        return replace(s, chin=s.chin + 0.3, mouth=s.mouth * 0.8)
    return replace(s, glasses=None) if fault in ("eyes_closed", "sunglasses", "no_face") else s


def _two(seed: int, canvas: tuple[int, int], wall: Wall) -> list[Layer]:
    places = ((0.29, seed), (0.73, seed + 1000))
    return [
        _person(Sitter.of(who, wall), Pose(canvas[0] * x, 660.0, UNIT * 0.66), Mood(), None, canvas)
        for x, who in places
    ]


def _person(s: Sitter, pose: Pose, mood: Mood, fault: str | None, canvas: tuple[int, int]) -> Layer:
    layer, rng = Layer(*canvas), np.random.default_rng([s.seed, 4])
    upright = replace(pose, roll=0.0, yaw=0.0, pitch=0.0)
    draw_hair_behind(layer, s, pose, rng)
    draw_neck(layer, s, upright)
    draw_clothes(layer, s, upright, rng)
    draw_head(layer, s, pose, rng, s.light)
    draw_features(layer, s, pose, mood)
    draw_hair(layer, s, pose, rng)
    if fault == "no_face":
        _back_of_head(layer, s, pose, rng)
    if fault == "sunglasses":
        draw_sunglasses(layer, s, pose)
    elif s.glasses:
        draw_glasses(layer, s, pose)
    if fault == "hat":
        draw_hat(layer, s, pose)
    if fault == "side_light":
        _light_from_side(layer, pose)
    return layer


def _back_of_head(layer: Layer, s: Sitter, pose: Pose, rng: np.random.Generator) -> None:
    """Someone who looks away: hair where the face would be."""
    size = (layer.width, layer.height)
    layer.tint(area(size, pose.px(np.asarray(smooth(outline(s))) * [1.03, 0.98], flat=True), 1.5), tone(s.hair, 0.9))
    for k in (0.6, 1.7, 2.4):
        fall = [
            smooth([(x * 0.3, -1.45), (x * 0.85, -0.8), (x * 0.95, 0.1), (x * 0.6, 1.15)], closed=False)
            for x in rng.uniform(-1, 1, 110)
        ]
        lines = [pose.px(line, flat=True) for line in fall]
        layer.tint(strokes(size, lines, [pose.unit * 0.01] * len(lines), 0.7), tone(s.hair, k), 0.4)


def _light_from_side(layer: Layer, pose: Pose) -> None:
    x = (np.arange(layer.width, dtype=np.float32) - pose.cx) / pose.unit
    k = 0.30 + 0.78 / (1 + np.exp((x - 0.02) * 5.0))
    layer.rgb *= k.astype(np.float32)[None, :, None]


def _background(
    canvas: tuple[int, int], wall: Wall, person: Array, fault: str | None, rng: np.random.Generator
) -> Array:
    if fault == "clutter":
        return clutter(canvas, rng)
    if fault == "wrong_wall":
        wall = max(OTHER_WALLS, key=lambda other: sum(abs(a - b) for a, b in zip(other, wall, strict=True)))
    back = np.empty((canvas[1], canvas[0], 3), np.float32)
    back[:] = wall
    if fault == "shadow":
        cast = np.roll(person, (40, 110), (0, 1))
        cast[:, :110], cast[:40] = 0, 0
        back *= 1 - 0.5 * soften(cast, 14.0)[..., None]
    return back


def _resized(data: Array, size: tuple[int, int]) -> Array:
    """A float picture (2 or 3 dimensions) at another size, without rounding."""
    if data.shape[:2] == (size[1], size[0]):
        return data
    planes = data[..., None] if data.ndim == 2 else data
    down = size[0] <= data.shape[1]
    how = Image.Resampling.BOX if down else Image.Resampling.BICUBIC
    out = [
        np.asarray(Image.fromarray(np.ascontiguousarray(planes[..., i])).resize(size, how))
        for i in range(planes.shape[2])
    ]
    return np.stack(out, -1) if data.ndim == 3 else out[0]


def _grained(image: Array, rng: np.random.Generator) -> np.ndarray:
    noise = np.clip(rng.standard_normal(image.shape[:2], np.float32) * np.float32(0.9), -2, 2)
    return np.clip(image + noise[..., None] + np.float32(0.5), 0, 255).astype(np.uint8)


def _blurred(image: Array) -> Array:
    picture = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(image.shape[0] / 145)), np.float32)


def _grey(image: Array) -> Array:
    return np.repeat((image @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, 2)


SPOILS: dict[str, Callable[[Array], Array]] = {
    "dark": lambda image: 255 * (image / 255).clip(0) ** 1.35 * 0.30,
    "bright": lambda image: (image * 1.55 + 30).clip(0, 255),
    "grey": _grey,
    "blurred": _blurred,
}
