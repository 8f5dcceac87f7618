"""Puts the campaign's colour behind an untouched person: matting against a known, nearly uniform wall.

The wall is estimated as a smooth field; the band around the silhouette is solved by closed-form matting (Levin,
Lischinski and Weiss 2008) with multi-level foreground estimation (Germer et al. 2020), both from PyMatting. Outside the
band nothing is estimated: the person's own pixels are copied, the rest is the colour exactly.
"""

from __future__ import annotations

from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO

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

STEPS = 60
"""Of the solver: portraits take 2 to 8. A face lying wrong in its mask took 234 and 13 seconds, and showed no edge."""

UNLIKE = 18.0
"""CIELAB distance from the wall that no grain or soft light makes."""

DOUBTED = 0.02
"""Person confidence above which the segmenter thinks of a person at all; a shadow on the wall has none."""

LIKE = 12.0
"""CIELAB distance below which clothes and the painted colour run into each other at print size (our number)."""

HALF_SEEN = 0.25
"""Part of a place beside the silhouette that must look like a person to the segmenter for all of it to be one."""

SMALL_HOLE = 400
"""Pixels; a gap this small within the silhouette is not wall seen through hair."""

REACH = 20
"""Pixels around the silhouette in which single hairs are looked for."""


@dataclass(frozen=True)
class Wall:
    """What stands behind the person: a smooth colour field (H x W x 3, sRGB 0..255) and how pixels stray from it."""

    field: Plane
    away: Plane
    """CIELAB distance of each pixel of the picture from the field."""
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
    lost: float
    """Per cent of the picture that was painted over though plainly no wall: a bitten shoulder, a thing, a shadow."""
    alike: float
    """Share of the silhouette at which the person's own colour is like the painted one."""


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
    use, tones = far, lab(rgb)
    for _ in range(2):
        solved = np.linalg.lstsq(terms[use][::7], rgb[use][::7].astype(np.float32), rcond=None)[0]
        field = np.clip(terms @ solved, 0, 255).astype(np.float32)
        smooth = lab(field)
        away = distance(tones, smooth)
        use = far & (away < max(4.0, 3 * float(np.median(away[far]))))
    low, high = np.percentile(smooth[far], (2, 98), axis=0)
    return Wall(field, away, float(np.median(away[far])), float(np.linalg.norm(high - low)))


def trimap(mask: Plane, wall: Wall) -> tuple[Mask, Mask]:
    """The sure person and the sure wall; what is neither is the band to be solved."""
    solid = (mask > 0.95).astype(np.uint8)
    person = cv2.erode(solid, _disc(EROSION), borderType=cv2.BORDER_REPLICATE) > 0
    plain = _plainly(mask, wall)
    near = cv2.dilate(((mask > 0.5) | plain).astype(np.uint8), _disc(REACH)) > 0
    whole = (_unlike(wall) & near & ((mask > DOUBTED) | plain)).astype(np.uint8)
    person |= cv2.erode(whole, _disc(2), borderType=cv2.BORDER_REPLICATE) > 0
    strays = wall.away > max(6.0, 4 * wall.residual)
    strays = cv2.dilate(strays.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return person, ~near | (~strays & (mask < 0.05))


def _disc(radius: int) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8)


def _unlike(wall: Wall) -> Mask:
    """Pixels that are plainly no wall."""
    return wall.away > max(UNLIKE, 8 * wall.residual)


def _plainly(mask: Plane, wall: Wall) -> Mask:
    """Places beside the silhouette that are plainly no wall and that the segmenter half sees (a ponytail)."""
    beside = _blobs(_unlike(wall) & (mask <= 0.5), 3)
    count, pieces = cv2.connectedComponents(beside.astype(np.uint8))
    areas = np.bincount(pieces.ravel(), minlength=count)
    seen = np.bincount(pieces[mask > DOUBTED], minlength=count)
    chosen = seen >= HALF_SEEN * areas
    chosen[0] = False
    return chosen[pieces]


def replace(rgb: Rgb, mask: Plane, wall: Wall, colour: tuple[int, int, int]) -> Matte:
    """Paint `colour` behind the person of an RGB picture.

    Deterministic: the same picture and mask give the same bytes. Raises ValueError when no edge is found in STEPS.
    """
    person, background = trimap(mask, wall)
    known = np.full(mask.shape, 0.5)
    known[person], known[background] = 1.0, 0.0
    image = rgb.astype(np.float64) / 255
    with redirect_stdout(StringIO()):  # it prints each time it tries a larger shift, which it then finds
        preconditioner = partial(ichol, max_nnz=NON_ZEROS)
        alpha = estimate_alpha_cf(image, known, preconditioner=preconditioner, cg_kwargs={"maxiter": STEPS})
    alpha = _whole(np.clip(alpha, 0, 1), mask, person)
    foreground = estimate_foreground_ml(image, alpha)
    behind = np.array(colour, np.float64) / 255
    painted = alpha[..., None] * foreground + (1 - alpha[..., None]) * behind
    picture = np.rint(np.clip(painted, 0, 1) * 255).astype(np.uint8)
    picture[person | (alpha >= 1)] = rgb[person | (alpha >= 1)]
    picture[alpha <= 0] = colour
    band = ~person & ~background
    guessed = (alpha > 0.2) & (alpha < 0.8) & band
    return Matte(
        picture,
        alpha.astype(np.float32),
        person,
        band,
        doubt=_share(guessed, band),
        contrast=_contrast(mask, band, wall),
        eaten=100 * _share(_blobs(_unlike(wall) & (mask > DOUBTED) & (alpha < 0.5), 3), band),
        lost=100 * float(_blobs(_unlike(wall) & (alpha < 0.5), 7).mean()),
        alike=_alike(foreground, alpha, colour),
    )


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


def _share(part: Mask, of: Mask) -> float:
    return float(part.sum() / max(1, int(of.sum())))


def _blobs(wrong: Mask, size: int) -> Mask:
    """Only what is at least `size` pixels wide: places, no rims."""
    return cv2.morphologyEx(wrong.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8)) > 0


def _contrast(mask: Plane, band: Mask, wall: Wall) -> float:
    edge = wall.away[band & (mask > 0.6)]
    return float(np.percentile(edge, 5)) if edge.size else 0.0


def _alike(foreground: npt.NDArray[np.float64], alpha: npt.NDArray[np.float64], colour: tuple[int, int, int]) -> float:
    """Share of the silhouette (five pixels inside the outline, the picture's edge left out) that is like the colour."""
    solid = (alpha > 0.5).astype(np.uint8)
    inner = cv2.erode(solid, np.ones((11, 11), np.uint8), borderType=cv2.BORDER_REPLICATE)
    rim = (solid - inner) > 0
    away = distance(lab((foreground * 255).astype(np.float32)), lab(np.array([[colour]], np.uint8)))
    return _share(rim & (away < LIKE), rim)
