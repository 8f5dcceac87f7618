"""The painted background: exactly the colour behind, exactly the person's pixels inside, a clean edge between."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from app.demo import portraits
from app.rules.photo_rule import load_rule
from app.rules.report import CheckVerdict
from workers.imaging import matting
from workers.imaging.colour import distance, lab
from workers.imaging.models import Models

BLUE = load_rule("chsi-2017").backgrounds["blue"]
WALLS = (
    (235, 230, 220), (200, 200, 205), (240, 240, 240), (225, 215, 190), (180, 200, 215),
    (210, 190, 180), (190, 205, 185), (160, 160, 165), (245, 240, 235), (200, 180, 150),
)  # fmt: skip
HALF = (480, 640)


def _lit(rgb: np.ndarray, strength: float) -> np.ndarray:
    """Soft light from one side and a vignette."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 1 + strength * (x / width - 0.5) - strength * ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2)
    return np.clip(rgb * light[..., None], 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def models() -> object:
    with Models() as opened:
        yield opened


def _case(models: Models, seed: int, wall: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, matting.Matte]:
    image, alpha = portraits.portrait_with_alpha(seed, HALF, wall)
    rgb = _lit(np.asarray(image), 0.06)
    mask = models.mask(rgb)
    return rgb, np.asarray(alpha, np.float32) / 255, matting.replace(rgb, mask, matting.fit_wall(rgb, mask), BLUE)


def test_an_edge_that_is_not_found_in_a_few_steps_is_given_up(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fuzz test found a mutated file whose edge took the solver 13 seconds."""
    monkeypatch.setattr(matting, "STEPS", 1)
    with pytest.raises(ValueError, match="converge"):
        _case(models, 2, WALLS[0])


@pytest.mark.parametrize(("seed", "wall"), list(enumerate(WALLS, start=2)))
def test_alpha_colour_and_untouched_person(models: Models, seed: int, wall: tuple[int, int, int]) -> None:
    rgb, truth, matte = _case(models, seed, wall)
    band = matte.band
    assert float(np.abs(matte.alpha - truth)[band].mean()) <= 0.05
    assert np.array_equal(matte.picture[matte.person], rgb[matte.person])
    assert matte.person.mean() > 0.2
    outside = matte.alpha <= 0
    assert (matte.picture[outside] == np.array(BLUE)).all()
    expected = truth[..., None] * rgb + (1 - truth[..., None]) * np.array(BLUE)
    away = distance(lab(matte.picture), lab(expected.astype(np.float32)))
    edge = ((truth > 0) & (truth < 1)).astype(np.uint8)
    around = cv2.dilate(edge, np.ones((2 * matting.REACH + 1,) * 2, np.uint8)) > 0
    assert float(away[around].mean()) <= 3.0


@pytest.mark.parametrize(
    ("place", "rows", "columns"),
    [("a shoulder", (500, 640), (0, 110)), ("an ear", (230, 330), (90, 150)), ("a tuft", (60, 110), (200, 280))],
)
def test_what_the_mask_has_bitten_off_is_brought_back_or_told(
    models: Models, place: str, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    image, alpha = portraits.portrait_with_alpha(3, HALF, WALLS[1])
    rgb, truth = np.asarray(image), np.asarray(alpha, np.float32) / 255
    mask = models.mask(rgb)
    mask[slice(*rows), slice(*columns)] = 0
    matte = matting.replace(rgb, mask, matting.fit_wall(rgb, mask), BLUE)
    gone = 100 * float((truth - matte.alpha > 0.5).mean())
    limit = load_rule("chsi-2017").limit("painted_over")
    assert gone < 0.1 or limit.judge(matte.lost) is not CheckVerdict.PASS, place


def test_white_clothes_on_white_are_told_and_blue_is_fine(models: Models) -> None:
    image, _ = portraits.portrait_with_alpha(3, HALF, WALLS[6])
    rgb = np.asarray(image).copy()
    mask = models.mask(rgb)
    rgb[430:][mask[430:] > 0.5] = (250, 250, 252)  # a white shirt
    wall, limit = matting.fit_wall(rgb, mask), load_rule("chsi-2017").limit("like_colour")
    verdicts = [limit.judge(matting.replace(rgb, mask, wall, colour).alike) for colour in ((255, 255, 255), BLUE)]
    assert verdicts == [CheckVerdict.WARN, CheckVerdict.PASS]


def test_the_same_picture_gives_the_same_bytes(models: Models) -> None:
    first, second = (_case(models, 5, WALLS[0])[2] for _ in range(2))
    assert np.array_equal(first.picture, second.picture) and np.array_equal(first.alpha, second.alpha)


def test_no_hole_inside_and_no_island_outside(models: Models) -> None:
    matte = _case(models, 6, WALLS[1])[2]
    islands, _ = cv2.connectedComponents((matte.alpha > 0).astype(np.uint8))
    assert islands == 2  # the ground, and one person
    height = matte.alpha.shape[0]
    clear = (matte.alpha[: height - 1] < 0.5).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(clear, connectivity=4)
    outside = set(np.unique(np.concatenate([labels[0], labels[:, 0], labels[:, -1]]))) | {0}
    holes = [label for label in range(len(stats)) if label not in outside and stats[label, cv2.CC_STAT_AREA] > 30]
    assert not holes  # single pixels between strands of hair are wall seen through hair


def test_too_little_wall_is_said() -> None:
    full = np.ones((640, 480), np.float32)
    with pytest.raises(ValueError, match="too little wall"):
        matting.fit_wall(np.zeros((640, 480, 3), np.uint8), full)
