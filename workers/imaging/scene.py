"""What every check looks at: the picture, its faces, the head, the crop, the portrait and who is person in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from app.rules.photo_rule import ANY, PhotoRule
from app.rules.report import Box
from workers.imaging import crop as crops
from workers.imaging import views
from workers.imaging.colour import distance, lab
from workers.imaging.decode import Picture
from workers.imaging.encode import cut
from workers.imaging.find import find
from workers.imaging.models import PUPILS, Face, Models

Rgb = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
        148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
"""Landmarks of the face's outline, clockwise from the forehead."""


@dataclass
class Scene:
    """One picture under one rule. Planes of the portrait are in output pixels, everything else in original pixels."""

    picture: Picture
    rule: PhotoRule
    background: str
    policy: str
    faces: list[Face]
    head: crops.Head | None = None
    crop: crops.Crop | None = None
    portrait: Rgb | None = None
    """The crop at output size; cut out and enlarged for looking only when the picture has too few pixels."""
    mask: Plane | None = None
    """Person confidence 0..1 of the portrait's pixels."""
    marks: Plane | None = None
    """478 x 3 landmarks in output pixels."""
    kinds: dict[str, float] = field(default_factory=dict)
    """What the classifier takes for what is above the eyes: probability 0..1 by kind."""
    cache: dict[str, Any] = field(default_factory=dict)
    """What several checks need, computed on first use (`workers.imaging.planes`)."""

    @property
    def face(self) -> Face | None:
        """The largest face."""
        return self.faces[0] if self.faces else None

    @property
    def finished(self) -> bool:
        """Whether the picture has the output's size already: then it is judged as it stands."""
        return (self.picture.width, self.picture.height) == (self.rule.output.width, self.rule.output.height)

    def box(self, x: float, y: float, width: float, height: float) -> Box:
        """A region given in output pixels, in pixels of the upright original."""
        assert self.crop is not None
        left, top, wide, high = self.crop.box
        sx, sy = wide / self.rule.output.width, high / self.rule.output.height
        return (round(left + x * sx), round(top + y * sy), max(1, round(width * sx)), max(1, round(height * sy)))

    def around(self, points: tuple[int, ...], margin: float = 0.0) -> Box:
        """The region around some landmarks, in pixels of the upright original."""
        assert self.marks is not None
        spots = self.marks[list(points), :2]
        low, high = spots.min(0), spots.max(0)
        pad = margin * float(max(high - low))
        return self.box(low[0] - pad, low[1] - pad, *(high - low + 2 * pad))


def build(
    picture: Picture, rule: PhotoRule, background: str, policy: str, models: Models, larger: Callable[[], Picture]
) -> Scene:
    """Look for faces, measure the head, find the crop and cut the portrait.

    `larger` gives the picture with all its pixels, for a head so small that its crop needs them.
    """
    small = picture.small
    ratio = picture.width / small.shape[1]
    faces = [_scaled(face, ratio) for face in find(small, models)]
    scene = Scene(picture, rule, background, policy, faces)
    if scene.face is None:
        return scene
    region, view = views.head_and_shoulders(small, scene.face, ratio)
    mask = models.mask(view)
    scene.kinds = models.kinds(views.above_eyes(small, scene.face, ratio))
    scene.head = _head(scene.face, region, mask)
    if scene.finished:
        scene.crop = crops.judge(scene.head, (0, 0, picture.width, picture.height), rule)
    else:
        scene.crop = crops.solve(scene.head, picture.width, picture.height, rule)
    if scene.crop.box[2] * picture.scale < rule.output.width <= scene.crop.box[2]:
        scene.picture = larger()
    _cut(scene, region, mask)
    return scene


def _scaled(face: Face, ratio: float) -> Face:
    return Face(face.points * np.float32(ratio), face.shapes, face.yaw, face.pitch, face.roll)


def _head(face: Face, region: views.Region, mask: Plane) -> crops.Head:
    """Cheeks and eye line from the landmarks, hair-top from the mask above the face (never below the forehead)."""
    points = face.points
    left, right = sorted((float(points[234, 0]), float(points[454, 0])))
    x, y, width, _height = region
    high, wide = mask.shape
    scale = wide / width
    reach = 0.2 * (right - left)
    first, last = int(max(0, (left - reach - x) * scale)), int(min(wide, (right + reach - x) * scale) + 1)
    forehead = float(points[10, 1])
    rows = (mask[:, first:last] > 0.5).sum(axis=1) >= max(3.0, 0.06 * (last - first))
    brow = int(np.clip((forehead - y) * scale, 1, high))
    gaps = np.flatnonzero(~rows[:brow])
    top = (gaps[-1] + 1 if gaps.size else 0) / scale + y
    return crops.Head(float(min(max(top, 0.0), forehead)), float(points[list(PUPILS), 1].mean()), left, right)


def _cut(scene: Scene, region: views.Region, mask: Plane) -> None:
    """The portrait, and mask and landmarks in its pixels."""
    assert scene.crop is not None and scene.face is not None
    output = scene.rule.output
    x, y, width, height = scene.crop.box
    part = scene.picture.scale
    cell = (x * part, y * part, (x + width) * part, (y + height) * part)
    scene.portrait = cut(scene.picture.rgb, cell, output)
    sx, sy = output.width / width, output.height / height
    scene.marks = scene.face.points * np.array([sx, sy, sx], np.float32) - np.array([x * sx, y * sy, 0], np.float32)
    rx, ry, rw, rh = region
    ax, ay = rw / mask.shape[1] * sx, rh / mask.shape[0] * sy  # output pixels per mask pixel
    matrix = np.array([[ax, 0, (rx - x) * sx], [0, ay, (ry - y) * sy]])
    scene.mask = np.asarray(
        cv2.warpAffine(mask, matrix, (output.width, output.height), flags=cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )  # fmt: skip


def wanted_background(scene: Scene, colour: Plane) -> str:
    """The background's name that is asked for; with `any` the one nearest to the wall's CIELAB colour."""
    if scene.background != ANY:
        return scene.background
    targets = {name: lab(np.array([[rgb]], np.uint8))[0, 0] for name, rgb in scene.rule.backgrounds.items()}
    return min(targets, key=lambda name: float(distance(targets[name], colour)))
