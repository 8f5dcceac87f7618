"""Resizing: Pillow's Lanczos within rounding, sharper than by area where pixels are averaged first, nothing shifted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from app.demo import portraits
from app.rules.photo_rule import load_rule
from workers.imaging.encode import cut
from workers.imaging.resize import lanczos

OUTPUT = load_rule("chsi-2017").output
SIZE = (OUTPUT.width, OUTPUT.height)
DRAWN = np.asarray(portraits.portrait(2, (1500, 2000)))


@pytest.mark.parametrize(
    "cell", [(0, 0, 1500, 2000), (100.4, 33.7, 700.4, 833.7), (1100, 1500, 1499, 2000), (9, 9, 969, 1289)]
)
def test_it_is_pillows_lanczos(cell: tuple[float, float, float, float]) -> None:
    wanted = np.asarray(Image.fromarray(DRAWN).resize(SIZE, Image.Resampling.LANCZOS, box=cell), np.int16)
    away = np.abs(lanczos(DRAWN, cell, SIZE) - wanted)
    assert away.mean() < 0.3
    assert np.percentile(away, 99.9) <= 1


def test_a_few_pixels_are_enough() -> None:
    tiny = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(3, 2, 3)
    tiny.flags.writeable = False
    assert lanczos(tiny, (0, 0, 2, 3), (4, 6)).shape == (6, 4, 3)
    flat = np.full((7, 5, 3), 200, np.uint8)
    assert (lanczos(flat, (0.3, 0.2, 4.6, 6.1), (9, 12)) == 200).all()


@pytest.mark.parametrize("scale", [2.0, 2.5, 2.9, 3.0])
def test_averaging_first_loses_less_than_resizing_by_area(scale: float) -> None:
    """Against Lanczos throughout; a picture moved by half a pixel of the output would lie 10 dB lower."""
    width, height = OUTPUT.width * scale, OUTPUT.height * scale
    cell = (20.5, 40.5, 20.5 + width, 40.5 + height)
    exact = lanczos(DRAWN, cell, SIZE)
    left, top, right, bottom = (round(edge) for edge in cell)
    by_area = np.asarray(cv2.resize(DRAWN[top:bottom, left:right], SIZE, interpolation=cv2.INTER_AREA), np.uint8)
    assert _decibels(cut(DRAWN, cell, OUTPUT), exact) > max(47, _decibels(by_area, exact))


def _decibels(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((one.astype(float) - other) ** 2).mean()))
