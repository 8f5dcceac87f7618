"""Collection codes: bytes exact, several named, and a reason when nothing is read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.demo.portraits import collection_code
from app.rules.labels import CODE_FAULTS
from app.rules.photo_rule import load_rule
from tests.spoilt_codes import KINDS, spoilt
from workers.codes.doctor import diagnose
from workers.codes.reader import payloads, read

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
@settings(max_examples=40)
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


@pytest.mark.parametrize("kind", [kind for kind, (_, fault) in KINDS.items() if fault is None])
def test_a_code_spoilt_a_little_is_read_exactly(kind: str) -> None:
    for payload, grey in spoilt(kind, 4):
        assert payloads(grey) == [payload]


@pytest.mark.parametrize("kind", [kind for kind, (_, fault) in KINDS.items() if fault is not None])
def test_the_doctor_says_why_not(kind: str) -> None:
    """What is read in spite of all is right; of the rest at most one in four is explained otherwise."""
    said = []
    for payload, grey in spoilt(kind, 12):
        found = payloads(grey)
        assert found in ([], [payload])
        if not found:
            said.append(diagnose(grey))
    assert len(said) >= 4
    assert said.count(KINDS[kind][1] or "") >= 0.75 * len(said), said


def test_an_empty_picture_and_a_file_that_is_none(tmp_path: Path) -> None:
    assert _read(_png(Image.new("RGB", (600, 600), "white")), tmp_path)[1] == "no_code"
    assert _read(b"no picture", tmp_path)[1] == "unreadable_file"


def test_every_fault_of_the_doctor_has_a_sentence() -> None:
    assert {fault for _, fault in KINDS.values() if fault} | {"several", "too_large", "unreadable_file"} <= set(
        CODE_FAULTS
    )


def test_a_dark_on_light_code_in_a_large_screenshot(tmp_path: Path) -> None:
    file = io.BytesIO()
    segno.make(b"CHSI-123456", error="m").save(file, kind="png", scale=4, border=4)
    page = Image.new("RGB", (1500, 3000), (245, 245, 245))
    page.paste(Image.open(file).convert("RGB"), (500, 1200))
    assert _read(_png(page), tmp_path) == (b"CHSI-123456", None)
