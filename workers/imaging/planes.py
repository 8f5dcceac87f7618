"""Planes and masks of the portrait that several checks look at, each computed once per scene."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike

from workers.imaging import colour, marks
from workers.imaging.marks import Mask, fill, polygon
from workers.imaging.ranks import median
from workers.imaging.scene import OVAL, Scene

Plane = npt.NDArray[np.float32]
_Any = TypeVar("_Any")

ENOUGH_SKIN = 200
"""Pixels of skin below which nothing is said about skin."""

_CLEAR = 12  # pixels kept away from the silhouette: loose hair is not background
_BELOW_CHIN = 0.15  # of the face's width


def once(make: Callable[[Scene], _Any]) -> Callable[[Scene], _Any]:
    """Keep what was made in the scene."""

    @wraps(make)
    def get(scene: Scene) -> _Any:
        if make.__name__ not in scene.cache:
            scene.cache[make.__name__] = make(scene)
        found: _Any = scene.cache[make.__name__]
        return found

    return get


@once
def linear(scene: Scene) -> Plane:
    """Linear light 0..1 of the portrait, in three channels."""
    assert scene.portrait is not None
    return colour.linear(scene.portrait)


@once
def lab(scene: Scene) -> Plane:
    """CIELAB of the portrait."""
    return colour.lab_of_light(linear(scene))


@once
def half_lab(scene: Scene) -> Plane:
    """CIELAB of every other row and column of the portrait: enough for medians and spreads."""
    whole = lab(scene)
    height, width = whole.shape[:2]
    if height % 2 or width % 2:
        return np.ascontiguousarray(whole[::2, ::2])
    return np.asarray(cv2.resize(whole, (width // 2, height // 2), interpolation=cv2.INTER_NEAREST), np.float32)


@once
def light(scene: Scene) -> Plane:
    """Linear luminance 0..1 of the portrait (ISO/IEC 29794-5)."""
    return colour.luminance_of_light(linear(scene))


@once
def grey(scene: Scene) -> Plane:
    """Grey levels 0..255 of the portrait."""
    assert scene.portrait is not None
    return np.asarray(cv2.cvtColor(scene.portrait, cv2.COLOR_RGB2GRAY), np.float32)


@once
def skin(scene: Scene) -> Mask:
    """Face without eyes, brows and lips."""
    face = polygon(scene, OVAL, -0.08)
    parts: dict[tuple[int, ...], float] = {
        marks.LEFT_EYE: 0.5, marks.RIGHT_EYE: 0.5, marks.LEFT_BROW: 0.3, marks.RIGHT_BROW: 0.3, marks.LIPS: 0.2,
    }  # fmt: skip
    for part, grow in parts.items():
        fill(scene, face, part, grow, False)
    return face


@once
def cheeks(scene: Scene) -> tuple[Mask, Mask]:
    """Left and right cheek."""
    return polygon(scene, marks.LEFT_CHEEK), polygon(scene, marks.RIGHT_CHEEK)


@once
def both_cheeks(scene: Scene) -> Mask:
    """Both cheeks together."""
    left, right = cheeks(scene)
    return left | right


@once
def unlike_skin(scene: Scene) -> Plane:
    """CIELAB distance from the face's median skin; lightness counts a third, since a face has shadows."""
    return distance_to(lab(scene), median_colour(scene, skin(scene)), 0.35)


def median_colour(scene: Scene, where: Mask) -> Plane:
    """Median CIELAB of some pixels of the portrait; a quarter of them is looked at."""
    spots = half_lab(scene)[where[::2, ::2]]
    if not spots.shape[0]:
        spots = lab(scene)[where]
    return np.array([median(part) for part in spots.T], np.float32)


@once
def wall_colour(scene: Scene) -> Plane:
    """Median CIELAB of the background."""
    return median_colour(scene, wall(scene))


def distance_to(tones: Plane, colour_: Plane, lightness: float = 1.0) -> Plane:
    """CIELAB distance of every pixel from one colour; L* counts by `lightness`."""
    scalar: Any = (float(colour_[0]), float(colour_[1]), float(colour_[2]), 0.0)
    return _length(cv2.subtract(tones, scalar), lightness)


def distance_between(one: Plane, other: Plane) -> Plane:
    """CIELAB distance of two pictures, pixel by pixel."""
    return _length(cv2.subtract(one, other), 1.0)


def _length(away: MatLike, lightness: float) -> Plane:
    weights = np.array([[lightness * lightness, 1, 1]], np.float32)
    return np.asarray(cv2.sqrt(cv2.transform(cv2.multiply(away, away), weights)), np.float32)


@once
def has_skin(scene: Scene) -> bool:
    """Whether enough of the face lies within the portrait for checks of skin and light."""
    if scene.portrait is None or scene.mask is None or scene.marks is None:
        return False
    left, right = cheeks(scene)
    least = ((skin(scene), ENOUGH_SKIN), (left, 20), (right, 20))
    return all(np.count_nonzero(where) >= pixels for where, pixels in least)


LEAST_WALL = 0.02
"""Part of the picture that must be background to say anything about it."""


@once
def has_wall(scene: Scene) -> bool:
    """Whether enough background is seen, and the mask knows the person from it (it must at least know the face)."""
    if scene.mask is None or scene.portrait is None or scene.marks is None:
        return False
    face = skin(scene)
    known = not face.any() or float(scene.mask[face].mean()) > 0.5
    return bool(known and np.count_nonzero(wall(scene)) >= LEAST_WALL * face.size)


@once
def wall(scene: Scene) -> Mask:
    """The pixels that are surely background."""
    assert scene.mask is not None
    person = (scene.mask > 0.15).astype(np.uint8)
    seen = cv2.dilate(person, np.ones((2 * _CLEAR + 1,) * 2, np.uint8)) == 0
    if scene.marks is not None:  # below the chin the mask may lose a shoulder, which is no fault of the wall's
        chin = scene.marks[marks.CHIN, 1] + _BELOW_CHIN * marks.width(scene)
        seen[int(np.clip(chin, 0, seen.shape[0])) :] = False
    return np.asarray(seen, np.bool_)
