"""Batches: the same bytes every time, every change named, everything read back."""

from __future__ import annotations

import csv
import hashlib
import io
import random
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pypdfium2
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image

from app.export import dry_run, sheets
from app.export.build import SourceChanged, build_chsi, build_diploma
from app.export.frozen import FrozenBatch, FrozenItem
from app.export.verify import verify

NAMES = ("王小明", "赵䶮", "周𬱖", "阿依古丽·买买提", "林〇", "O'Neil, Anne-Marie")
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
            rendition_bytes=len(files.photos[n]), code_sha256=hashlib.sha256(files.codes[n]).hexdigest(),
            code_suffix="png", code_payload="cGF5bG9hZC0=" + str(n), rule="chsi-2017/1",
            approved_at="2026-11-01T00:00:00+00:00",
        )
        for n in files.photos
    )  # fmt: skip
    base = FrozenBatch(
        number="10001-T-X001", kind=kind, school_code="10001", school_name="示例大学", campaign_code="T",
        campaign_name="2027届", frozen_at="2026-11-02T08:00:00+00:00", rule="chsi-2017/1", print_width_mm=33,
        print_height_mm=48, paper="A4", superseded=("10001-T-X000/old",), previous=None, items=items,
    )  # fmt: skip
    return replace(base, **changes)


def _quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A finished 学信网 batch of six."""
    path = tmp_path / "batch.zip"
    build_chsi(make_batch(Files(6)), Files(6), Key(), path, _quiet)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished diploma batch of six."""
    path = tmp_path / "diploma"
    build_diploma(make_batch(Files(6), "diploma"), Files(6), Key(), path, _quiet)
    return path


def test_the_same_rows_are_the_same_bytes(archive: Path, folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    build_chsi(make_batch(Files(6)), Files(6), Key(), again, _quiet)
    assert again.read_bytes() == archive.read_bytes()
    other = tmp_path / "other"
    build_diploma(make_batch(Files(6), "diploma"), Files(6), Key(), other, _quiet)
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert files == sorted(str(p.relative_to(other)) for p in other.rglob("*") if p.is_file())
    assert all((folder / name).read_bytes() == (other / name).read_bytes() for name in files)


def test_a_receiver_can_verify_both_kinds(archive: Path, folder: Path) -> None:
    for path in (archive, folder):
        found = verify(path, Key().fingerprint)
        assert (found.problems, found.count, found.fingerprint) == ((), 6, Key().fingerprint)
    assert "another key" in verify(archive, "0" * 64).problems[0]


def test_any_single_changed_byte_is_named(archive: Path, tmp_path: Path) -> None:
    """Every region of the ZIP: local headers, names, data, directory, end; and a few hundred places by chance."""
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
    places = [info.header_offset + off for info in infos for off in (0, 6, 10, 14, 18, 26, 28, 31)]
    places += [info.header_offset + 30 + len(info.filename) + info.file_size // 2 for info in infos]
    start = whole.rindex(b"PK\x05\x06")
    places += list(range(start, len(whole), 3)) + list(range(start - 300, start, 7))
    places += random.Random(1).sample(range(len(whole)), 150)
    broken = tmp_path / "broken.zip"
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 0x20
        broken.write_bytes(changed)
        assert verify(broken).problems, f"byte {place} went unnoticed"


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_changed_missing_and_added_files_are_named(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path: Path = request.getfixturevalue(kind)
    copy = tmp_path / "copy"
    if path.is_dir():
        shutil.copytree(path, copy)
    else:
        zipfile.ZipFile(path).extractall(copy)
    photos = sorted(copy.rglob("*.jpg"))
    photos[0].write_bytes(photos[0].read_bytes() + b"\0")
    photos[1].unlink()
    (copy / "extra.exe").write_bytes(b"MZ")
    problems = verify(copy).problems
    names = [str(photo.relative_to(copy)) for photo in photos]
    assert set(problems) == {f"{names[0]}: changed", f"{names[1]}: missing", "extra.exe: added"}


def test_a_changed_fact_breaks_the_signature(folder: Path) -> None:
    facts = folder / "batch.json"
    facts.write_bytes(facts.read_bytes().replace(b'"count":6', b'"count":7'))
    assert verify(folder).problems == ("batch.json: changed, or its signature is wrong",)


def test_hostile_archives_are_answered_not_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"not a zip")
    assert verify(path).problems
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("SHA256SUMS", b"0" * 10_000_000)
    assert "compressed" in verify(path).problems[0]
    (tmp_path / "empty").mkdir()
    assert verify(tmp_path / "empty").problems == ("SHA256SUMS: missing", "batch.json: missing")


def test_a_stored_file_that_is_not_the_frozen_one_stops_the_build(tmp_path: Path) -> None:
    files = Files(3)
    batch = make_batch(files)
    files.photos[2] = b"another picture"
    with pytest.raises(SourceChanged, match="ORDER002"):
        build_chsi(batch, files, Key(), tmp_path / "b.zip", _quiet)
    assert not (tmp_path / "b.zip").exists()


def test_identity_numbers_and_rare_characters_survive_in_xlsx_and_csv(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        raw = opened.read("manifest.csv")
        book = openpyxl.load_workbook(io.BytesIO(opened.read("manifest.xlsx")))
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [row["姓名"] for row in rows] == list(NAMES)
    assert [row["证件号"] for row in rows] == list(ID_NOS)
    cells = list(book.worksheets[0].iter_rows(values_only=True))
    assert [row[2] for row in cells[1:]] == list(NAMES)
    assert [row[5] for row in cells[1:]] == list(ID_NOS)
    assert all(cell.data_type == "s" for cell in next(book.worksheets[0].iter_rows(min_row=2, max_row=2)) if cell.value)


@pytest.mark.parametrize("paper", ["A4", "6in"])
def test_sheets_carry_the_rendition_itself_in_true_millimetres(tmp_path: Path, paper: str) -> None:
    files = Files(6)
    batch = make_batch(files, "diploma", paper=paper)
    data = sheets.sheet(batch, batch.items, "JOB-001", files.rendition)
    assert all(photo in data for photo in files.photos.values())  # the very bytes, not a copy made of them
    document = pypdfium2.PdfDocument(data)
    spots = sheets.places(batch, 6)
    assert len(document) == spots[-1].page
    found = []
    for number, page in enumerate(document, start=1):
        found += [(number, image.get_bounds()) for image in page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])]
    for (page_no, (left, bottom, right, top)), spot in zip(found, spots, strict=True):
        assert page_no == spot.page
        assert abs((right - left) / MM - 36) < 0.1 and abs((top - bottom) / MM - 48) < 0.1
        assert abs(left / MM - (spot.x - 1.5)) < 0.1 and abs(bottom / MM - spot.y) < 0.1
    document.close()


def test_every_photo_is_found_again_by_its_code_after_a_300_dpi_rendering() -> None:
    files = Files(6)
    batch = make_batch(files, "diploma")
    document = pypdfium2.PdfDocument(sheets.sheet(batch, batch.items, "JOB-001", files.rendition))
    picture = document[0].render(scale=300 / 72).to_pil()
    read = {code.text for code in zxingcpp.read_barcodes(picture)}
    assert read == {f"10001-T-X001/{n}" for n in range(1, 7)}
    text = document[0].get_textpage().get_text_range()
    assert "王小明" in text and "阿依古丽·买买提" in text
    document.close()


def test_fonts_are_embedded_and_a_missing_glyph_is_spelled_out(folder: Path) -> None:
    data = (folder / "sheets" / "001.pdf").read_bytes()
    assert b"/FontFile2" in data
    sheets.register_font()
    assert sheets.printable("王\U0010fffd") == "王U+10FFFD"


def test_the_dry_run_names_exactly_the_seeded_faults() -> None:
    files = Files(8)
    batch = make_batch(files)
    items = list(batch.items)
    items[1] = replace(items[1], file_name=items[0].file_name.upper())
    items[2] = replace(items[2], rendition_sha256=items[3].rendition_sha256)
    items[4] = replace(items[4], code_payload=None)
    items[6] = replace(items[6], rule="chsi-2017/0", rendition_bytes=50_000)
    kept = [replace(i, rendition_bytes=i.rendition_bytes if n == 6 else 30_000) for n, i in enumerate(items)]
    found = {p.kind: set(p.orders) for p in dry_run.problems(replace(batch, items=tuple(kept)), "chsi-2017/1")}
    assert found["collision"] == {"ORDER001", "ORDER002"}
    assert found["same_photo"] == {"ORDER003", "ORDER004"}
    assert found["no_code"] == {"ORDER005"}
    assert found["no_class"] == {"ORDER006"}
    assert found["older_rule"] == found["too_large"] == {"ORDER007"}
    assert found["gbk"] == {"ORDER002", "ORDER003", "ORDER008"}
    assert found["same_identity"] == {"ORDER001", "ORDER007", "ORDER002", "ORDER008"}
    assert "gb18030" not in found and "too_small" not in found
