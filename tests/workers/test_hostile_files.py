"""Every file a user could send ends as a failed check or a checked photo: no crash, no hang, no stack trace."""

from __future__ import annotations

import io
import os
import random
import resource
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from app.rules.photo_rule import load_rule
from app.rules.report import CheckVerdict, Verdict
from tests.colour_profiles import display_p3, to_display_p3
from workers.checker import DEADLINE, PATIENCE, START, Checker, CheckerCrashed, CheckerHung, CheckerStarved
from workers.child import MEMORY
from workers.imaging.decode import decode

ROUNDS = 4000 if os.environ.get("CAIXIANG_SOAK") else 40


def _bomb() -> bytes:
    """A PNG of 50,000 x 50,000 pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "code", "fault"),
    [
        ("empty", "file_readable", "empty"),
        ("text", "file_readable", "not_a_picture"),
        ("svg", "file_readable", "not_a_picture"),
        ("gif", "file_readable", "not_a_picture"),
        ("truncated", "file_readable", "truncated"),
        ("bomb", "upload_size", "pixels"),
        ("large", "upload_size", "bytes"),
    ],
)
def test_what_cannot_be_judged_says_why(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path, name: str, code: str, fault: str
) -> None:
    whole = drawn().read_bytes()
    gif = io.BytesIO()
    Image.new("RGB", (600, 800)).save(gif, "GIF")
    files = {
        "empty": b"",
        "text": b"I am a text file",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "gif": gif.getvalue(),
        "truncated": whole[: len(whole) // 2],
        "bomb": _bomb(),
        "large": whole + b"\0" * (31 * 1024 * 1024),
    }
    path = tmp_path / "upload"
    path.write_bytes(files[name])
    report = checker.check(path, body, "blue").report
    failed = [(check.code, check.fault) for check in report.checks if check.verdict is CheckVerdict.FAIL]
    assert failed == [(code, fault)]
    assert checker.pid is not None


def _variants(image: Image.Image) -> dict[str, tuple[Image.Image, str, dict[str, Any]]]:
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "turned": (image.rotate(90, expand=True), "JPEG", {"exif": exif.tobytes(), "quality": 92}),
        "cmyk": (image.convert("CMYK"), "JPEG", {"quality": 95}),
        "profile": (image, "JPEG", {"icc_profile": wide, "quality": 92}),
        "transparent": (image.convert("RGBA"), "PNG", {}),
        "palette": (image.quantize(256), "PNG", {}),
        "webp": (image, "WEBP", {"quality": 92}),
        "heic": (image, "HEIF", {"quality": 90}),
    }


@pytest.mark.parametrize("name", ["turned", "cmyk", "profile", "transparent", "palette", "webp", "heic"])
def test_every_honest_kind_of_file_is_read_upright_and_in_colour(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    with Image.open(drawn()) as opened:
        image, kind, options = _variants(opened.convert("RGB"))[name]
    path = tmp_path / "upload"
    image.save(path, kind, **options)
    report = checker.check(path, body, "blue").report
    assert (report.width, report.height) == (900, 1200)
    wrong = {check.code for check in report.checks if check.verdict is CheckVerdict.FAIL}
    assert wrong <= {"compression"}, wrong


def test_sixteen_bits_and_animation(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path
) -> None:
    with Image.open(drawn()) as opened:
        rgb = opened.convert("RGB")
    deep = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    path = tmp_path / "deep.png"
    deep.save(path)
    grey = {c.code: c.verdict for c in checker.check(path, body, "blue").report.checks}
    assert grey["file_readable"] is CheckVerdict.PASS and grey["natural_colour"] is CheckVerdict.FAIL
    moving = tmp_path / "moving.webp"
    rgb.save(moving, "WEBP", save_all=True, append_images=[rgb.rotate(180)], quality=92)
    assert checker.check(moving, body, "blue").report.verdict is not Verdict.FAILED


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_ends_upright(orientation: int, tmp_path: Path) -> None:
    """Against Pillow's own transposition: corners of four colours, wider than high."""
    marks = Image.new("RGB", (64, 48))
    for number, colour in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))):
        marks.paste(colour, (32 * (number % 2), 24 * (number // 2), 32 * (number % 2) + 32, 24 * (number // 2) + 24))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    marks.save(path, exif=exif)
    picture = decode(path, load_rule("chsi-2017"))
    with Image.open(path) as opened:
        assert np.array_equal(picture.rgb, np.asarray(ImageOps.exif_transpose(opened)))
    assert picture.rgb.shape[:2] == (picture.height, picture.width)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_wide_colours_are_converted_not_dropped(kind: str, tmp_path: Path) -> None:
    """The same colours, written in Display P3, come back as the sRGB that they were; unconverted they are 20 off."""
    srgb = np.zeros((64, 64, 3), np.uint8)
    srgb[:32, :32], srgb[:32, 32:], srgb[32:, :32], srgb[32:, 32:] = (
        (200, 120, 90), (100, 197, 255), (60, 140, 60), (240, 240, 240),
    )  # fmt: skip
    path = tmp_path / "wide"
    Image.fromarray(to_display_p3(srgb)).save(path, kind, icc_profile=display_p3(), quality=98, lossless=True)
    rgb = decode(path, load_rule("chsi-2017")).rgb
    middles = [(slice(8, 24), slice(8, 24)), (slice(8, 24), slice(40, 56)), (slice(40, 56), slice(8, 24))]
    for middle in middles:
        assert np.abs(rgb[middle].mean((0, 1)) - srgb[middle].mean((0, 1))).max() < 3
    assert np.abs(to_display_p3(srgb)[middles[1]].astype(int) - srgb[middles[1]]).max() > 15


def test_a_damaged_profile_says_nothing_about_the_colours(drawn: Callable[..., Path], tmp_path: Path) -> None:
    plain, damaged = tmp_path / "plain.jpg", tmp_path / "damaged.jpg"
    with Image.open(drawn()) as opened:
        opened.save(plain, quality=92)
        opened.save(damaged, quality=92, icc_profile=b"\x00\x01no profile" * 30)
    rule = load_rule("chsi-2017")
    assert np.array_equal(decode(plain, rule).rgb, decode(damaged, rule).rgb)


def test_of_several_pictures_in_a_file_the_first_is_taken(drawn: Callable[..., Path], tmp_path: Path) -> None:
    import pillow_heif

    with Image.open(drawn()) as opened:
        image = opened.convert("RGB")
    black = Image.new("RGB", image.size)
    burst = pillow_heif.from_pillow(image)
    burst.add_from_pillow(black)
    burst.save(tmp_path / "burst.heic", quality=90)
    image.save(tmp_path / "pair.mpo", "MPO", save_all=True, append_images=[black], quality=92)
    for name, kind in (("burst.heic", "HEIF"), ("pair.mpo", "JPEG")):
        picture = decode(tmp_path / name, load_rule("chsi-2017"))
        assert picture.format == kind
        assert (picture.width, picture.height) == image.size
        assert abs(picture.rgb.mean() - np.asarray(image).mean()) < 3


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"PK\x03\x04 an archive", b"<script>alert(1)</script>", b"%PDF-1.7"])
def test_what_follows_a_jpeg_is_neither_read_nor_delivered(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path, tail: bytes
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(drawn().read_bytes() + tail)
    outcome, plain = checker.check(path, body, "blue"), checker.check(drawn(), body, "blue")
    assert (outcome.report.verdict, outcome.rendition) == (plain.report.verdict, plain.rendition)
    assert outcome.rendition is not None and tail not in outcome.rendition


def test_a_large_picture_of_any_kind_is_reduced_and_a_small_head_gets_its_pixels(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path
) -> None:
    with Image.open(drawn()) as opened:
        image = opened.convert("RGB")
    page = Image.new("RGB", (3300, 4400), (100, 197, 255))
    page.paste(image, (1200, 3200))
    for kind in ("JPEG", "PNG", "WEBP"):
        path = tmp_path / kind
        page.save(path, kind, quality=92)
        rule = load_rule("chsi-2017")
        assert max(decode(path, rule).rgb.shape) == 2200
        assert max(decode(path, rule, enough=None).rgb.shape) == 4400
    assert checker.check(tmp_path / "JPEG", body, "blue").report.checks


def _fuzz_seeds(image: Image.Image) -> dict[str, bytes]:
    """Small real files of every kind, with profile and EXIF data for the parsers to stumble over."""
    small, exif, made = image.resize((480, 640)), Image.Exif(), {}
    exif[0x0112] = 3
    for kind in ("JPEG", "PNG", "WEBP", "HEIF"):
        file = io.BytesIO()
        small.save(file, kind, quality=85, icc_profile=display_p3(), exif=exif.tobytes())
        made[kind] = file.getvalue()
    return made


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut off, doubled, or headers hit."""
    spoilt = bytearray(data)
    reach = len(spoilt) if chance.random() < 0.6 else min(len(spoilt), 600)
    for _ in range(chance.choice((1, 3, 30))):
        spoilt[chance.randrange(reach)] = chance.choice((0, 255, chance.randrange(256)))
    if chance.random() < 0.25:
        del spoilt[chance.randrange(len(spoilt)) :]
    if chance.random() < 0.15:
        at, length = chance.randrange(len(spoilt) or 1), chance.randrange(1, 5000)
        spoilt[at:at] = spoilt[at : at + length]
    return bytes(spoilt)


@pytest.mark.timeout(max(300, 2 * ROUNDS))
def test_mutated_files_never_lose_a_photo(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path
) -> None:
    """Each ends in a report within the deadline, or the child is lost and the next call has a new one; never more."""
    chance = random.Random(2017)
    with Image.open(drawn()) as opened:
        seeds = _fuzz_seeds(opened.convert("RGB"))
    path, lost = tmp_path / "mutated", 0
    for number in range(ROUNDS):
        kind = list(seeds)[number % len(seeds)]
        path.write_bytes(_mutated(seeds[kind], chance))
        start = time.monotonic()
        try:
            report = checker.check(path, body, "blue").report
            assert report.checks and report.verdict in Verdict
        except (CheckerCrashed, CheckerHung):
            lost += 1
        except CheckerStarved:
            pass  # whatever else runs on this machine is no fault of the file's
        assert time.monotonic() - start < PATIENCE * DEADLINE + START
        if checker.pid is not None:
            pages = int(Path(f"/proc/{checker.pid}/statm").read_text().split()[1])
            assert pages * resource.getpagesize() < MEMORY
    assert lost <= ROUNDS // 50
    assert checker.check(drawn(), body, "blue").report.verdict is not Verdict.FAILED


def test_one_worker_or_eight_say_the_same_to_the_byte(body: dict[str, Any], drawn: Callable[..., Path]) -> None:
    files = [drawn(seed, fault=fault) for seed, fault in ((2, None), (3, None), (2, "smile"))]

    def answers(checker: Checker) -> list[tuple[Any, ...]]:
        seen = [checker.check(path, body, "blue") for path in files]
        return [(one.report, one.rendition, one.preview, one.pixel_sha256, one.looks) for one in seen]

    checkers = [Checker(deadline=120) for _ in range(8)]
    try:
        alone = answers(checkers[0])
        with ThreadPoolExecutor(8) as pool:
            assert all(told == alone for told in pool.map(answers, checkers))
    finally:
        for one in checkers:
            one.stop()
