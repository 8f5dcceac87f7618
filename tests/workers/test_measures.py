"""The measures behind the checks: what they must not depend on, and what they must see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.demo import portraits
from app.rules.photo_rule import load_rule
from app.rules.report import Check, CheckVerdict
from workers.checker import Checker
from workers.checks import background_uniform, ears, natural_colour
from workers.checks.background_uniform import fault_map
from workers.checks.compression import blockiness
from workers.checks.exposure import key
from workers.checks.natural_colour import colour_beyond_tone
from workers.imaging import pose
from workers.imaging.colour import lab
from workers.imaging.decode import decode
from workers.imaging.field import smooth
from workers.imaging.marks import SIDES, polygon
from workers.imaging.models import Models
from workers.imaging.planes import wall
from workers.imaging.scene import OVAL, Scene, build

RULE = load_rule("chsi-2017")


@pytest.fixture(scope="module")
def look(drawn: Callable[..., Path]) -> Any:
    """The scene of a drawn portrait."""
    with Models() as models:

        def scene(path: Path) -> Scene:
            return build(decode(path, RULE), RULE, "blue", "keep", models, lambda: decode(path, RULE, enough=None))

        yield lambda **more: scene(drawn(**more))


def _checks(checker: Checker, body: dict[str, Any], image: Image.Image, path: Path) -> dict[str, Check]:
    path.write_bytes(portraits.jpeg(image))
    return {check.code: check for check in checker.check(path, body, "blue").report.checks}


@given(st.lists(st.floats(-90, 90).map(lambda angle: round(angle, 2)), min_size=2, max_size=3))
def test_an_angle_is_what_all_measures_show(angles: list[float]) -> None:
    found = pose.agreed(*angles)
    assert all(abs(found) <= abs(angle) for angle in angles)
    assert found == 0 or all(angle * found > 0 for angle in angles)


def test_a_straight_drawing_has_no_angle_and_a_tilted_one_its_own(look: Any) -> None:
    straight, tilted = look(seed=2).face, look(seed=2, fault="tilted").face
    assert abs(pose.roll(straight)) < 4 and abs(pose.yaw(straight)) < 5 and abs(pose.pitch(straight)) < 9
    assert abs(pose.roll(tilted)) > 8
    assert abs(tilted.roll - pose.roll(tilted)) < 3


def test_the_slant_of_the_pupils_is_no_tilt_where_the_model_sees_none(look: Any) -> None:
    tilted = look(seed=2, fault="tilted").face
    assert pose.roll(replace(tilted, roll=2.0 * np.sign(tilted.roll))) == pytest.approx(2.0 * np.sign(tilted.roll))
    assert pose.roll(replace(tilted, roll=-tilted.roll)) == 0


@pytest.mark.parametrize(("code", "within", "beyond"), [("pitch", 14.9, 15.1), ("yaw", 9.9, 10.1)])
def test_what_the_model_alone_says_breaks_the_rule_is_refused_and_below_that_both_must_agree(
    look: Any, code: str, within: float, beyond: float
) -> None:
    scene, check = look(seed=2), import_module(f"workers.checks.{code}")
    for angle in (within, -within, beyond, -beyond):
        scene.faces[0] = replace(scene.faces[0], **{code: angle})
        (found,) = check.look(scene)
        assert found.verdict is (CheckVerdict.FAIL if abs(angle) == beyond else CheckVerdict.PASS)
        assert found.value == angle if abs(angle) == beyond else abs(found.value) < within


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_that_lies_on_its_side_or_upside_down_is_told_to_be_turned(
    checker: Checker, body: dict[str, Any], tmp_path: Path, turns: int
) -> None:
    upright = np.asarray(portraits.portrait(2, (900, 1200)))
    found = _checks(checker, body, Image.fromarray(np.rot90(upright, turns)), tmp_path / "turned.jpg")
    assert (found["roll"].verdict, found["roll"].fault) == (CheckVerdict.FAIL, "picture_turned")


def test_grey_and_toned_pictures_are_named_with_and_without_a_face(
    checker: Checker, body: dict[str, Any], tmp_path: Path
) -> None:
    colour = portraits.portrait(3, (900, 1200))
    grey = np.asarray(colour.convert("L"), np.float32)[..., None] / 255
    sepia = Image.fromarray((np.array([255, 232, 196]) * grey).astype(np.uint8))
    assert _checks(checker, body, sepia, tmp_path / "sepia.jpg")["natural_colour"].fault == "grey"
    empty = portraits.portrait(3, (900, 1200), fault="no_face").convert("L").convert("RGB")
    found = _checks(checker, body, empty, tmp_path / "empty.jpg")
    assert found["face_count"].fault == "none" and found["natural_colour"].fault == "grey"


def test_tone_is_no_colour_and_colour_is_more_than_tone() -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 256, (64, 64, 1)).astype(np.float32)
    toned = lab(grey * np.array([1, 0.9, 0.75], np.float32)).reshape(-1, 3)
    coloured = lab(rng.integers(0, 256, (64, 64, 3)).astype(np.float32)).reshape(-1, 3)
    assert colour_beyond_tone(toned) < 1.5 < 20 < colour_beyond_tone(coloured)


def test_the_bars_of_a_letterbox_do_not_make_a_picture_dark(look: Any) -> None:
    scene = look(seed=2)
    light = key(scene)
    barred = np.pad(scene.picture.rgb, ((200, 200), (90, 0), (0, 0)), constant_values=7)
    scene.picture = replace(scene.picture, rgb=barred)
    assert abs(key(scene) / light - 1) < 0.05
    scene.picture = replace(scene.picture, rgb=np.zeros_like(barred))
    assert key(scene) < 0.01 < light


def test_the_fault_map_lies_on_the_wall_where_the_clutter_is(look: Any) -> None:
    clean, wrong = look(seed=2), look(seed=2, fault="clutter")
    assert fault_map(clean).mean() < 0.002
    assert fault_map(wrong).mean() > 0.01
    assert not (fault_map(wrong) & ~cv2.dilate(wall(wrong).astype(np.uint8), np.ones((5, 5))).astype(bool)).any()


def test_a_lamps_soft_fall_off_is_no_clutter_and_a_faint_thing_on_the_wall_is(look: Any) -> None:
    scene = look(seed=2)
    plain, far = scene.portrait.astype(np.float32), np.linspace(-0.5, 0.5, scene.portrait.shape[1]) ** 2

    def found(portrait: Any) -> Check:
        scene.cache.clear()
        scene.portrait = np.clip(portrait, 0, 255).astype(np.uint8)
        (check,) = background_uniform.look(scene)
        return check

    assert found(plain).verdict is CheckVerdict.PASS
    assert found(plain - 120 * far[None, :, None]).verdict is CheckVerdict.PASS
    assert found(plain - 520 * far[None, :, None]).verdict is not CheckVerdict.PASS
    poster = plain.copy()
    poster[20:120, 10:90] -= 24  # as much darker as the lamp's fall-off is at the borders
    check = found(poster)
    assert check.verdict is CheckVerdict.WARN and check.region is not None
    full = np.percentile(background_uniform.things(scene)[wall(scene)], 98)
    assert check.value == pytest.approx(full, abs=0.5)  # every other row and column says the same
    x, y, width, height = check.region
    scale = (scene.crop.box[2] / RULE.output.width, scene.crop.box[0], scene.crop.box[1])
    centre = ((x + width / 2 - scale[1]) / scale[0], (y + height / 2 - scale[2]) / scale[0])
    assert 10 < centre[0] < 90 and 20 < centre[1] < 120


@given(st.lists(st.floats(-40, 40, width=32), min_size=18, max_size=18))
def test_the_smooth_field_is_any_quadratic_exactly(numbers: list[float]) -> None:
    height, width = 60, 45
    y, x = (np.arange(size, dtype=np.float32) / size - 0.5 for size in (height, width))
    y, x = y[:, None], x[None, :]
    terms = np.stack([np.ones((height, width)), y + 0 * x, x + 0 * y, y * x, y * y + 0 * x, x * x + 0 * y], -1)
    tones = (terms @ np.array(numbers).reshape(6, 3)).astype(np.float32)
    where = np.zeros((height, width), np.bool_)
    where[:, :12] = where[:15] = True
    assert np.abs(smooth(tones, where) - tones).max() < 0.01


def test_a_map_of_the_wrong_wall_comes_with_a_finding_and_only_then(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path]
) -> None:
    assert checker.check(drawn(seed=2), body, "blue").wall is None
    found = checker.check(drawn(seed=2, fault="clutter"), body, "blue")
    assert found.wall is not None
    with Image.open(BytesIO(found.wall)) as picture:
        assert (picture.mode, picture.size) == ("L", (RULE.output.width, RULE.output.height))
        assert 0.01 < (np.asarray(picture) == 255).mean() < 0.9


def test_the_ruler_and_regions_lie_within_the_picture(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path]
) -> None:
    for fault in (None, "clutter", "tilted", "side_light"):
        report = checker.check(drawn(fault=fault), body, "blue").report
        ruler = report.ruler
        assert ruler is not None and 0 <= ruler.hair_top < ruler.eye_line < report.height
        assert ruler.cheek_left < ruler.centre < ruler.cheek_right
        for check in report.checks:
            if check.region is not None and check.code not in ("hair_top", "centre"):
                x, y, width, height = check.region
                assert width > 0 and height > 0 and x < report.width and y < report.height


def _ears(scene: Scene) -> Check:
    scene.cache.clear()
    (check,) = ears.look(scene)
    return check


def _hide(scene: Scene, *sides: int) -> None:
    """Hair over the ears of these sides (-1 left, 1 right)."""
    assert scene.portrait is not None and scene.mask is not None
    scene.portrait, scene.mask = scene.portrait.copy(), scene.mask.copy()
    for side in sides:
        rows, columns = ears._cell(scene, side, SIDES[(side + 1) // 2], (0.0, 0.12))
        scene.portrait[rows, columns], scene.mask[rows, columns] = (34, 24, 20), 1


def test_covered_ears_are_told_and_one_that_the_turned_head_hides_is_not(look: Any) -> None:
    scene = look(seed=2)
    assert _ears(scene).verdict is CheckVerdict.PASS
    _hide(scene, 1)
    assert _ears(scene).verdict is CheckVerdict.WARN
    straight = scene.faces[0]
    scene.faces[0] = replace(straight, yaw=12.0)
    assert _ears(scene).verdict is CheckVerdict.PASS
    _hide(scene, -1)
    assert _ears(scene).verdict is CheckVerdict.WARN


@pytest.mark.parametrize("angle", [-14, 14])
def test_ears_are_looked_for_where_a_tilted_head_has_them(look: Any, angle: float) -> None:
    scene = look(seed=2)
    seen = _ears(scene).value
    turn = cv2.getRotationMatrix2D((240, 250), angle, 1)
    for name in ("portrait", "mask"):
        plane = getattr(scene, name)
        setattr(scene, name, cv2.warpAffine(plane, turn, (480, 640), borderMode=cv2.BORDER_REPLICATE))
    scene.marks[:, :2] = scene.marks[:, :2] @ turn[:, :2].T + turn[:, 2]
    found = _ears(scene)
    assert found.verdict is CheckVerdict.PASS
    assert seen is not None and found.value is not None and found.value > seen - 0.3
    _hide(scene, -1, 1)
    assert _ears(scene).verdict is CheckVerdict.WARN


def test_a_grey_face_is_grey_whatever_the_clothes_and_a_living_one_is_not(look: Any) -> None:
    scene = look(seed=2)
    face = cv2.erode(polygon(scene, OVAL).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0

    def found(portrait: Any) -> Check:
        scene.cache.clear()
        scene.portrait = portrait
        (check,) = natural_colour.look(scene)
        return check

    white = np.where(polygon(scene, OVAL, 0.1)[..., None], scene.portrait, 255).astype(np.uint8)
    assert found(white).verdict is CheckVerdict.PASS
    grey = cv2.cvtColor(cv2.cvtColor(scene.portrait, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colourful = np.where(cv2.dilate(face.astype(np.uint8), np.ones((9, 9)))[..., None] > 0, grey, scene.portrait)
    assert found(colourful).fault == "grey"


@pytest.mark.parametrize("quality", [60, 75, 95])
def test_no_jpeg_of_the_rules_own_qualities_is_named_for_its_blocks(look: Any, quality: int) -> None:
    scene, limit = look(seed=2, size=(480, 640)), RULE.limit("compression")
    assert scene.picture.scale == 1

    def blocks(asked: int) -> float:
        written = BytesIO()
        Image.fromarray(scene.portrait).save(written, "JPEG", quality=asked)
        with Image.open(written) as image:
            scene.picture = replace(scene.picture, rgb=np.asarray(image))
        return blockiness(scene)

    assert limit.judge(blocks(quality)) is CheckVerdict.PASS
    assert limit.judge(blocks(10)) is not CheckVerdict.PASS
