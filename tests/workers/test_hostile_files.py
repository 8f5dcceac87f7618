"""Every file a user could send ends as a failed check or a checked photo: no crash, no hang, no stack trace."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.rules.report import CheckVerdict, Verdict
from workers.checker import Checker

ROUNDS = 400 if os.environ.get("CAIXIANG_SOAK") else 25


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


def test_mutated_files_never_lose_a_photo(
    checker: Checker, body: dict[str, Any], drawn: Callable[..., Path], tmp_path: Path
) -> None:
    chance = random.Random(2017)
    whole = drawn(size=(480, 640)).read_bytes()
    path = tmp_path / "mutated"
    for _ in range(ROUNDS):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 30))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            data = data[: chance.randrange(len(data))]
        path.write_bytes(data)
        report = checker.check(path, body, "blue").report
        assert report.checks and report.verdict in Verdict
