"""Copies of drawn portraits keep their hash, other pictures do not; pixels are told apart exactly."""

from __future__ import annotations

import io
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.demo import portraits
from app.rules.likeness import BANDS, BITS, NEAR, Look, alike, difference
from workers.imaging.hashing import looks, pixel_sha256
from workers.imaging.models import Models

PEOPLE = range(6)


@pytest.fixture(scope="module")
def models() -> Iterator[Models]:
    with Models() as opened:
        yield opened


@pytest.fixture(scope="module")
def people() -> list[np.ndarray]:
    return [np.asarray(portraits.portrait(seed, (600, 800))) for seed in PEOPLE]


def _looks(rgb: np.ndarray, models: Models) -> tuple[Look, ...]:
    return looks(rgb, models.faces(rgb)[0].points)


def _copied(kept: Look, looked_for: tuple[Look, ...]) -> bool:
    """As the service finds it: a part is whole, which the look-up needs, and few bits differ."""
    return any(alike(kept, look) and any(a == b for a, b in zip(kept, look, strict=True)) for look in looked_for)


def _saved(rgb: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


@given(
    who=st.sampled_from(PEOPLE),
    quality=st.integers(50, 95),
    size=st.floats(0.5, 1.6),
    cut=st.tuples(st.floats(0, 0.1), st.floats(0, 0.1)),
    light=st.floats(0.9, 1.1),
)
@settings(max_examples=25)
def test_a_copy_looks_like_its_original(
    models: Models,
    people: list[np.ndarray],
    who: int,
    quality: int,
    size: float,
    cut: tuple[float, float],
    light: float,
) -> None:
    """Re-encoded, resized, a tenth cut away, and a tenth darker or brighter, all at once."""
    original = people[who]
    height, width = original.shape[:2]
    left, top = int(cut[0] * width), int(cut[1] * height)
    copy = original[top : top + int(0.9 * height), left : left + int(0.9 * width)]
    copy = cv2.resize(copy, None, fx=size, fy=size, interpolation=cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC)
    copy = _saved((copy * light).clip(0, 255).astype(np.uint8), quality)
    kept, looked_for = _looks(original, models)[0], _looks(copy, models)
    assert _copied(kept, looked_for), [difference(kept, look) for look in looked_for]


def test_another_person_and_another_face_of_the_same_are_no_copies(models: Models, people: list[np.ndarray]) -> None:
    seen = [_looks(person, models) for person in people]
    assert min(difference(a, b[0]) for i, looked_for in enumerate(seen) for a in looked_for for b in seen[:i]) > NEAR
    for seed, fault in ((0, "open_mouth"), (1, "turned"), (2, "tilted")):
        other = np.asarray(portraits.portrait(seed, (600, 800), fault=fault))
        assert not any(alike(seen[seed][0], look) for look in _looks(other, models)), fault


def test_every_part_fits_its_column(models: Models, people: list[np.ndarray]) -> None:
    assert all(0 <= part < 2**BITS and len(look) == BANDS for look in _looks(people[0], models) for part in look)


def test_pixels_are_told_apart_by_a_single_one(people: list[np.ndarray]) -> None:
    other = people[0].copy()
    assert pixel_sha256(other) == pixel_sha256(people[0])
    other[5, 7, 1] ^= 1
    assert pixel_sha256(other) != pixel_sha256(people[0])
    assert pixel_sha256(people[0].reshape(600, 800, 3)) != pixel_sha256(people[0])
