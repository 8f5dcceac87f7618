"""The drawn people: repeatable, of the wanted size, each fault visible, the alpha true."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from app.demo.portraits import FAULTS, GRAIN, collection_code, jpeg, portrait, portrait_with_alpha

SMALL = (300, 400)
WALL = (100, 197, 255)


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return np.asarray(portrait(5, SMALL), np.int16)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_person(plain: np.ndarray) -> None:
    assert jpeg(portrait(5, SMALL)) == jpeg(Image.fromarray(plain.astype(np.uint8)))
    assert np.abs(np.asarray(portrait(6, SMALL), np.int16) - plain).mean() > 2


@pytest.mark.parametrize("size", [(1200, 1600), (480, 640), (640, 480)])
def test_the_picture_has_the_wanted_size(size: tuple[int, int]) -> None:
    image = portrait(1, size)
    assert (image.size, image.mode) == (size, "RGB")


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_drawn_and_seen(fault: str, plain: np.ndarray) -> None:
    image = portrait(5, SMALL, WALL, fault)
    assert image.size == ((75, 100) if fault == "low_resolution" else SMALL)
    difference = np.abs(np.asarray(image.resize(SMALL), np.int16) - plain)
    assert (difference.max(-1) > 12).sum() > 150


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        portrait(1, SMALL, WALL, "halo")


@pytest.mark.parametrize("wall", [WALL, (255, 255, 255), (67, 142, 219)])
def test_where_nobody_is_the_wall_has_its_colour(wall: tuple[int, int, int]) -> None:
    picture, alpha = portrait_with_alpha(3, wall=wall)
    assert (picture.size, picture.mode, alpha.size, alpha.mode) == ((480, 640), "RGB", (480, 640), "L")
    a, rgb = np.asarray(alpha), np.asarray(picture, np.int16)
    assert (a == 0).mean() > 0.15 and (a == 255).mean() > 0.3
    assert np.abs(rgb[a == 0] - np.array(wall)).max() <= GRAIN


@pytest.mark.parametrize("seed", [1, 2])
def test_the_edge_of_the_hair_is_soft(seed: int) -> None:
    a = np.asarray(portrait_with_alpha(seed)[1])[:250]
    assert ((a > 10) & (a < 245)).sum() > 400


@pytest.mark.parametrize("seed", range(1, 5))
def test_clothes_reach_the_lower_edge_and_differ_from_the_wall(seed: int) -> None:
    a = np.asarray(portrait_with_alpha(seed)[1])
    assert (a[-1, 60:420] == 255).all()
    last = np.asarray(portrait(seed, SMALL), np.int16)[-20:, 60:240]
    assert np.abs(np.median(last, (0, 1)) - np.array(WALL)).sum() > 60


def test_a_collection_code_reads_back() -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    payload = bytes(range(0, 250, 5))
    with Image.open(io.BytesIO(collection_code(payload))) as picture:
        found = zxingcpp.read_barcodes(picture)
    assert [code.bytes for code in found] == [payload]
