"""The rendition: one lossy pass, sRGB, within the bytes, pixels and 300 dpi only, the same bytes on every run."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.demo import portraits
from app.rules.photo_rule import load_rule
from workers.checker import Checker
from workers.imaging.decode import decode
from workers.imaging.encode import encode, encode_once

RULE = load_rule("chsi-2017")


def _noisy(strength: int) -> np.ndarray:
    """A portrait's worth of pixels with colour noise: the stronger, the more bytes."""
    rng = np.random.default_rng(1)
    flat = np.asarray(portraits.portrait(2, (480, 640)), np.int16)
    return np.clip(flat + rng.integers(-strength, strength + 1, flat.shape), 0, 255).astype(np.uint8)


def _sampling(data: bytes) -> tuple[int, int]:
    """Horizontal and vertical sampling of the luminance: (1, 1) is 4:4:4, (2, 2) is 4:2:0."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        _, across, down, _ = image.layer[0]  # type: ignore[attr-defined]
    return across, down


def test_it_is_what_the_rule_asks_for(checker: Checker, body: dict[str, Any], drawn: Callable[..., Path]) -> None:
    data = checker.check(drawn(4), body, "blue").rendition
    assert data is not None and 20 * 1024 <= len(data) <= 40 * 1024
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (480, 640))
        assert tuple(round(part) for part in image.info["dpi"]) == (300, 300)
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
        assert not image.getexif()


def test_quality_is_the_highest_that_fits() -> None:
    portrait = _noisy(2)
    data, quality = encode(portrait, RULE.output)
    assert len(data) <= RULE.output.max_bytes and RULE.output.quality_least <= quality < RULE.output.quality_best
    file = io.BytesIO()
    Image.fromarray(portrait).save(file, "JPEG", quality=quality + 1, subsampling=0, dpi=(300, 300), optimize=True)
    assert len(file.getvalue()) > RULE.output.max_bytes


def test_colour_is_halved_before_the_quality_goes_under_its_least() -> None:
    full, halved, beyond = (encode(_noisy(strength), RULE.output) for strength in (1, 22, 90))
    assert _sampling(full[0]) == (1, 1) and len(full[0]) <= RULE.output.max_bytes
    assert _sampling(halved[0]) == (2, 2) and len(halved[0]) <= RULE.output.max_bytes
    assert halved[1] >= RULE.output.quality_least
    assert len(beyond[0]) > RULE.output.max_bytes and beyond[1] == RULE.output.quality_least  # `output_size` says so


def test_encoding_repeats() -> None:
    assert encode(_noisy(6), RULE.output) == encode(_noisy(6), RULE.output)


@pytest.mark.parametrize("strength", [0, 1, 2, 4, 8])
def test_few_encodings_find_it(strength: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are the least: the quality that fits, and the next one that does not."""
    whole: list[int] = []

    def counted(image: Image.Image, quality: int, *more: int) -> bytes:
        whole.extend([quality] if image.height == RULE.output.height else [])
        return encode_once(image, quality, *more)

    monkeypatch.setattr("workers.imaging.encode.encode_once", counted)
    _, quality = encode(_noisy(strength), RULE.output)
    assert len(whole) <= 4 and (quality + 1 in whole or quality == RULE.output.quality_best)


@pytest.mark.parametrize("height", [1, 16, 17, 40])
def test_a_small_picture_has_no_other_rows_to_guess_from(height: int) -> None:
    assert encode(np.full((height, 30, 3), 90, np.uint8), RULE.output)[1] == RULE.output.quality_best


def _swapped() -> bytes:
    """A colour profile of ours whose red is sRGB's blue and the other way round."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"????"), (b"bXYZ", b"rXYZ"), (b"????", b"bXYZ")):
        profile = profile.replace(old, new)
    return profile.replace(b"sRGB", b"ours").replace("sRGB".encode("utf-16-be"), "ours".encode("utf-16-be"))


def test_a_colour_profile_is_converted_not_dropped(tmp_path: Path) -> None:
    truth = np.asarray(portraits.portrait(3, (480, 640)))
    path = tmp_path / "swapped.png"
    Image.fromarray(np.ascontiguousarray(truth[..., ::-1])).save(path, icc_profile=_swapped())
    read = decode(path, RULE).rgb.astype(np.int16)
    assert np.abs(read - truth).max() <= 3
