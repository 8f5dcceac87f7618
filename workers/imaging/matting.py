"""Puts the campaign's colour behind an untouched person: matting against a known, nearly uniform wall.

The wall is estimated as a smooth field; the band around the silhouette is solved by closed-form matting (Levin,
Lischinski and Weiss 2008) with multi-level foreground estimation (Germer et al. 2020), both from PyMatting. Outside the
band nothing is estimated: the person's own pixels are copied, the rest is the colour exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt
from pymatting import estimate_alpha_cf, estimate_foreground_ml, ichol

from workers.imaging.colour import distance, lab

Rgb = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

EROSION = 13
"""Pixels by which the sure person lies inside the segmenter's silhouette at 480 x 640; there pixels stay bit-equal."""

NON_ZEROS = 12_000_000
"""Room for the solver's factor: its default asks for 3 GB at once, which the child's memory limit refuses."""

UNLIKE = 18.0
"""CIELAB distance from the wall that no grain or soft light makes."""

DOUBTED = 0.02
"""Person confidence above which the segmenter thinks of a person at all; a shadow on the wall has none."""

SMALL_HOLE = 400
"""Pixels; a gap this small within the silhouette is not wall seen through hair."""

REACH = 20
"""Pixels around the silhouette in which single hairs are looked for."""


@dataclass(frozen=True)
class Wall:
    """What stands behind the person: a smooth colour field (H x W x 3, sRGB 0..255) and how pixels stray from it."""

    field: Plane
    residual: float
    """Median CIELAB distance of wall pixels from the field: grain and texture."""
    spread: float
    """Largest CIELAB distance between two places of the field: gradient and shadow."""


@dataclass(frozen=True)
class Matte:
    """The produced picture and how it was made; all planes have the picture's size."""

    picture: Rgb
    alpha: Plane
    person: Mask
    band: Mask
    doubt: float
    """Share of the band whose alpha lies between 0.2 and 0.8: a sharp edge has little, a guess has much."""
    contrast: float
    """5th percentile of the CIELAB distance between the person's edge and the wall: small means they look alike."""
    eaten: float
    """Per cent of the band that is plainly person and was yet taken for wall."""


def fit_wall(rgb: Rgb, mask: Plane) -> Wall:
    """Fit a quadratic colour field to what is surely wall; what strays (a plug, a hair) is left out of the second fit.

    `mask` is the segmenter's person confidence, 0..1. Raises ValueError when less than 2 % of the picture is wall.
    """
    height, width = mask.shape
    far = cv2.dilate((mask > 0.1).astype(np.uint8), np.ones((2 * REACH + 1,) * 2, np.uint8)) == 0
    if far.mean() < 0.02:
        raise ValueError("too little wall around the person")
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1)
    use = far
    for _ in range(2):
        solved = np.linalg.lstsq(terms[use][::7], rgb[use][::7].astype(np.float32), rcond=None)[0]
        field = np.clip(terms @ solved, 0, 255).astype(np.float32)
        away = distance(lab(rgb), lab(field))
        use = far & (away < max(4.0, 3 * float(np.median(away[far]))))
    tones = lab(field)[far]
    spread = float(np.linalg.norm(np.percentile(tones, 98, axis=0) - np.percentile(tones, 2, axis=0)))
    return Wall(field, float(np.median(away[far])), spread)


def trimap(rgb: Rgb, mask: Plane, wall: Wall) -> tuple[Mask, Mask]:
    """The sure person and the sure wall; what is neither is the band to be solved."""
    edge = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * EROSION + 1,) * 2)
    solid = (mask > 0.95).astype(np.uint8)
    person = cv2.erode(solid, edge, borderType=cv2.BORDER_REPLICATE) > 0
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1,) * 2)
    near = cv2.dilate((mask > 0.5).astype(np.uint8), reach) > 0
    person |= _plainly(rgb, mask, wall, near) & ~person
    strays = distance(lab(rgb), lab(wall.field)) > max(6.0, 4 * wall.residual)
    strays = cv2.dilate(strays.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return person, ~near | (~strays & (mask < 0.05))


def _plainly(rgb: Rgb, mask: Plane, wall: Wall, near: Mask) -> Mask:
    """Pixels that are plainly no wall though the segmenter doubts them (a ponytail); two pixels inside their edge."""
    unlike = distance(lab(rgb), lab(wall.field)) > max(UNLIKE, 8 * wall.residual)
    solid = (unlike & near & (mask > DOUBTED)).astype(np.uint8)
    return cv2.erode(solid, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)), borderType=cv2.BORDER_REPLICATE) > 0


def replace(rgb: Rgb, mask: Plane, wall: Wall, colour: tuple[int, int, int]) -> Matte:
    """Paint `colour` behind the person of an RGB picture.

    Deterministic: the same picture and mask give the same bytes.
    """
    person, background = trimap(rgb, mask, wall)
    known = np.full(mask.shape, 0.5)
    known[person], known[background] = 1.0, 0.0
    image = rgb.astype(np.float64) / 255
    alpha = estimate_alpha_cf(image, known, preconditioner=partial(ichol, max_nnz=NON_ZEROS))
    alpha = _whole(np.clip(alpha, 0, 1), mask, person)
    foreground = estimate_foreground_ml(image, alpha)
    behind = np.array(colour, np.float64) / 255
    painted = alpha[..., None] * foreground + (1 - alpha[..., None]) * behind
    picture = np.rint(np.clip(painted, 0, 1) * 255).astype(np.uint8)
    picture[person | (alpha >= 1)] = rgb[person | (alpha >= 1)]
    picture[alpha <= 0] = colour
    band = ~person & ~background
    return Matte(picture, alpha.astype(np.float32), person, band, *_trust(rgb, mask, alpha, band, wall))


def _whole(alpha: npt.NDArray[np.float64], mask: Plane, person: Mask) -> npt.NDArray[np.float64]:
    """No haze, no island outside the person, no hole inside."""
    alpha = np.where(alpha < 0.04, 0.0, np.where(alpha > 0.96, 1.0, alpha))
    count, labels = cv2.connectedComponents((alpha > 0).astype(np.uint8), connectivity=8)
    keep = np.unique(labels[person])
    islands = ~np.isin(labels, keep) if count > 1 else np.zeros(alpha.shape, bool)
    alpha = np.where(islands, 0.0, alpha)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((alpha < 1).astype(np.uint8), connectivity=4)
    outside = set(np.unique(np.concatenate([pieces[0], pieces[:, 0], pieces[:, -1]]))) | {0}
    inner = np.array([label not in outside for label in range(len(stats))])
    small = inner & (stats[:, cv2.CC_STAT_AREA] < SMALL_HOLE)
    return np.where(small[pieces] | (inner[pieces] & (mask > 0.5)), 1.0, alpha)


def _trust(rgb: Rgb, mask: Plane, alpha: npt.NDArray[np.float64], band: Mask, wall: Wall) -> tuple[float, float, float]:
    guessed = (alpha > 0.2) & (alpha < 0.8) & band
    away = distance(lab(rgb), lab(wall.field))
    edge = away[band & (mask > 0.6)]
    contrast = float(np.percentile(edge, 5)) if edge.size else 0.0
    eaten = (away > max(UNLIKE, 8 * wall.residual)) & (mask > DOUBTED) & (alpha < 0.5)
    eaten = cv2.morphologyEx(eaten.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0  # blobs, no rims
    around = max(1, int(band.sum()))
    return float(guessed.sum() / around), contrast, float(100 * eaten.sum() / around)
