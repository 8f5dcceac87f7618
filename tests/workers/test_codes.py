"""Collection codes: bytes exact, several named, and a reason when nothing is read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from app.demo.portraits import collection_code
from app.rules.photo_rule import load_rule
from workers.codes.reader import read

RULE = load_rule("chsi-2017")


def _read(data: bytes, tmp_path: Path) -> tuple[bytes | None, str | None]:
    path = tmp_path / "code.png"
    path.write_bytes(data)
    reading = read(path, RULE)
    return reading.payload, reading.fault


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@given(st.binary(min_size=1, max_size=300))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_every_payload_comes_back_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, payload: bytes) -> None:
    assert _read(collection_code(payload), tmp_path_factory.getbasetemp()) == (payload, None)


@pytest.mark.parametrize("text", ["https://example.com/?c=1", "姓名：王*明 学号：2023001", "🎓"])
def test_text_survives_as_utf8(tmp_path: Path, text: str) -> None:
    assert _read(collection_code(text.encode()), tmp_path) == (text.encode(), None)


def test_two_codes_are_named(tmp_path: Path) -> None:
    one, two = (Image.open(io.BytesIO(collection_code(text))) for text in (b"first-code", b"second-code"))
    page = Image.new("RGB", (one.width + two.width, max(one.height, two.height)), "white")
    page.paste(one, (0, 0))
    page.paste(two, (one.width, 0))
    assert _read(_png(page), tmp_path) == (None, "several")


def test_the_doctor_says_why_not(tmp_path: Path) -> None:
    code = Image.open(io.BytesIO(collection_code(b"x" * 120))).convert("RGB")
    assert _read(_png(Image.new("RGB", (600, 600), "white")), tmp_path)[1] == "no_code"
    assert _read(_png(code.filter(ImageFilter.GaussianBlur(14))), tmp_path)[1] == "blurred"
    assert _read(_png(code.crop((0, 0, code.width, code.height // 2))), tmp_path)[1] == "cropped"
    assert _read(b"no picture", tmp_path)[1] == "unreadable_file"


def test_a_dark_on_light_code_in_a_large_screenshot(tmp_path: Path) -> None:
    file = io.BytesIO()
    segno.make(b"CHSI-123456", error="m").save(file, kind="png", scale=4, border=4)
    page = Image.new("RGB", (1500, 3000), (245, 245, 245))
    page.paste(Image.open(file).convert("RGB"), (500, 1200))
    assert _read(_png(page), tmp_path) == (b"CHSI-123456", None)
