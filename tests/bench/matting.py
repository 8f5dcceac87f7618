"""`make bench WHAT=matting`: the painted background on drawn portraits whose alpha is known, and the time it takes.

Alpha error: mean absolute difference in the unknown band. Gradient error: as in Rhemann et al. 2009, squared difference
of the gradients (Gaussian derivative, sigma 1.4) summed over the band, in thousands. Colour: mean CIELAB distance
in the band to the same sitter drawn in front of the campaign's colour.
"""

from __future__ import annotations

import statistics
import time

import cv2
import numpy as np

from app.demo import portraits
from tests.workers.test_matting import BLUE, HALF, WALLS, _lit
from workers.imaging import matting
from workers.imaging.colour import distance, lab
from workers.imaging.models import Models

GRAIN = 2.0
"""Standard deviation of the grain on the walls, of 255."""


def main() -> None:
    """Ten walls with soft light, vignette and grain, two sitters each."""
    cv2.setNumThreads(1)
    rows = []
    print(f"{'wall':16} {'alpha':>7} {'gradient':>9} {'colour':>7} {'ms':>6} {'cpu ms':>7}")
    with Models() as models:
        for seed, wall in enumerate((*WALLS, *WALLS), start=2):
            row = _measure(models, seed, wall)
            rows.append(row)
            print(f"{wall!s:16} {row[0]:7.4f} {row[1]:9.4f} {row[2]:7.2f} {row[3]:6.0f} {row[4]:7.0f}", flush=True)
    means = [statistics.mean(column) for column in zip(*rows, strict=True)]
    print(f"{'mean':16} {means[0]:7.4f} {means[1]:9.4f} {means[2]:7.2f} {means[3]:6.0f} {means[4]:7.0f}")
    print(f"{'worst':16} " + " ".join(f"{max(column):.4g}" for column in zip(*rows, strict=True)))


def _measure(models: Models, seed: int, wall: tuple[int, int, int]) -> tuple[float, ...]:
    image, alpha = portraits.portrait_with_alpha(seed, HALF, wall)
    truth = np.asarray(alpha, np.float32) / 255
    grain = np.random.default_rng(seed).normal(0, GRAIN, (*truth.shape, 1))
    rgb = np.clip(_lit(np.asarray(image), 0.08) + grain, 0, 255).astype(np.uint8)
    mask = models.mask(rgb)
    wall_clock, processor = time.perf_counter(), time.process_time()
    matte = matting.replace(rgb, mask, matting.fit_wall(rgb, mask), BLUE)
    took = time.perf_counter() - wall_clock, time.process_time() - processor
    wanted = _lit(np.asarray(portraits.portrait_with_alpha(seed, HALF, BLUE)[0]), 0.08)
    wanted[truth == 0] = BLUE
    away = distance(lab(matte.picture), lab(wanted))
    slope = (_slope(matte.alpha) - _slope(truth)) ** 2
    return (
        float(np.abs(matte.alpha - truth)[matte.band].mean()),
        float(slope[matte.band].sum()) / 1000,
        float(away[matte.band].mean()),
        took[0] * 1000,
        took[1] * 1000,
    )


def _slope(plane: np.ndarray) -> np.ndarray:
    smooth = cv2.GaussianBlur(plane, (0, 0), 1.4)
    return np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3)) / 8


if __name__ == "__main__":
    main()
