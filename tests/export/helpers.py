"""Batches in memory for the tests of the writers: six people with awkward names, a key of their own."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image

from app.export.build import write
from app.export.durable import place
from app.export.frozen import FrozenBatch, FrozenItem
from app.export.lettering import available

NAMES = ("王小明", "赵䶮", "周𠮷", "阿依古丽·买买提", "林〇", "O'Neil, Anne-Marie")
ID_NOS = tuple(f"99999920010{n}01001X" for n in range(1, 7))
MM = 72 / 25.4


class Key:
    """A signing key made for these tests."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.public_key).hexdigest()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def _jpeg(number: int) -> bytes:
    noise = np.random.default_rng(number).integers(90, 160, (640, 480, 3), np.uint8)
    image = Image.fromarray(noise)
    image.paste((number * 40 % 255, 80, 200 - number * 20), (100, 150, 380, 500))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60, dpi=(300, 300))
    return file.getvalue()


class Files:
    """Renditions and codes in memory."""

    def __init__(self, count: int) -> None:
        self.photos = {n: _jpeg(n) for n in range(1, count + 1)}
        self.codes = {n: f"code picture {n}".encode() for n in range(1, count + 1)}

    def rendition(self, item: FrozenItem) -> bytes:
        return self.photos[item.position]

    def code(self, item: FrozenItem) -> bytes:
        return self.codes[item.position]


def make_batch(files: Files, kind: str = "chsi", **changes: Any) -> FrozenBatch:
    """A batch of these files."""
    items = tuple(
        FrozenItem(
            position=n, order_number=f"ORDER{n:03d}", photo_no=1, name=NAMES[(n - 1) % len(NAMES)],
            student_no=f"2023{n}", id_type="resident_id", id_no=ID_NOS[(n - 1) % len(ID_NOS)],
            college="文学院" if n % 2 else "理学院", class_name="" if n == 6 else f"{n % 3}班",
            education_level="本科", education_category="普通高等教育", campus="主校区", school_name="示例大学",
            file_name=f"{ID_NOS[(n - 1) % len(ID_NOS)]}-{n}",
            rendition_sha256=hashlib.sha256(files.photos[n]).hexdigest(),
            code_sha256=hashlib.sha256(files.codes[n]).hexdigest(),
            code_suffix="png", code_payload="cGF5bG9hZC0=" + str(n), rule="chsi-2017/1",
            approved_at="2026-11-01T00:00:00+00:00",
        )
        for n in files.photos
    )  # fmt: skip
    base = FrozenBatch(
        number="10001-T-X001", kind=kind, school_code="10001", school_name="示例大学", campaign_code="T",
        campaign_name="2027届", frozen_at="2026-11-02T08:00:00+00:00", rule="chsi-2017/1", print_width_mm=33,
        print_height_mm=48, paper="A4",
        fonts=available(), superseded=("10001-T-X000/old",), previous=None, items=items,
    )  # fmt: skip
    return replace(base, **changes)


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def build(path: Path, batch: FrozenBatch, files: Files) -> Path:
    """Write and place a batch."""
    part = path.with_name(f".{path.name}.part")
    write(batch, files, Key(), part, quiet)
    place(part, path)
    return path
