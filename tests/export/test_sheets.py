"""Sheets for the press, parsed back: places, the very bytes of the pictures, fonts, small codes."""

from __future__ import annotations

import ctypes
import io
import os
import random
import subprocess
import sys
from dataclasses import replace
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
import zxingcpp

from app.export import layout, press, sheets
from app.export.delivery_note import delivery_note
from app.export.frozen import FrozenBatch
from app.export.lettering import FONT, RARE, Lettering
from app.export.paths import in_order
from app.export.verify import verify
from tests.export.helpers import NAMES, Files, Key, build, make_batch

MM = 72 / 25.4
BOTH = Lettering((FONT, RARE))


def _images(document: Any) -> list[tuple[int, Any]]:
    found = []
    for number, page in enumerate(document, start=1):
        found += [(number, image) for image in page.get_objects([pdfium.FPDF_PAGEOBJ_IMAGE])]
    return found


def _raw(image: Any) -> bytes:
    """The image's stream as it lies in the file."""
    size = pdfium.FPDFImageObj_GetImageDataRaw(image, None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFImageObj_GetImageDataRaw(image, buffer, size)
    return buffer.raw


def _sheet(batch: FrozenBatch, files: Files) -> bytes:
    return sheets.sheet(batch, batch.items, "JOB-001", files.rendition)


@pytest.mark.parametrize("paper", ["A4", "6in"])
@pytest.mark.parametrize(("wide", "high"), [(33, 48), (25, 35), (35, 45), (35, 53)])
def test_each_picture_is_the_rendition_at_its_place_in_true_millimetres(paper: str, wide: int, high: int) -> None:
    files = Files(6)
    batch = make_batch(files, "diploma", paper=paper, print_width_mm=wide, print_height_mm=high)
    document = pypdfium2.PdfDocument(_sheet(batch, files))
    spots = layout.places(batch, 6)
    assert len(document) == spots[-1].page
    size = document[0].get_size()
    assert tuple(round(side / MM, 2) for side in size) == layout.PAPERS[paper]
    shown_w, shown_h = max(wide, high * 0.75), max(high, wide / 0.75)
    for (page, image), spot, photo in zip(_images(document), spots, files.photos.values(), strict=True):
        left, bottom, right, top = (side / MM for side in image.get_bounds())
        assert page == spot.page and _raw(image) == photo
        assert abs(right - left - shown_w) < 0.1 and abs(top - bottom - shown_h) < 0.1
        assert abs(left - (spot.x - (shown_w - wide) / 2)) < 0.1
        assert abs(bottom - (spot.y - (shown_h - high) / 2)) < 0.1
        path = pdfium.FPDFPageObj_GetClipPath(image)
        assert pdfium.FPDFClipPath_CountPaths(path) == 1
    document.close()


def test_photos_stand_3_mm_apart_and_inside_the_margins() -> None:
    batch = make_batch(Files(1), "diploma")
    spots = layout.places(batch, layout.per_page(batch))
    assert len(spots) == 20
    assert spots[1].x - spots[0].x - 33 == pytest.approx(3) and spots[0].y - spots[
        5
    ].y - 48 - layout.STRIP == pytest.approx(3)
    assert min(s.x for s in spots) >= 8 and max(s.x for s in spots) + 33 <= 202
    assert min(s.y for s in spots) - layout.STRIP >= 8 and max(s.y for s in spots) + 48 <= 289 - layout.HEAD
    with pytest.raises(ValueError, match="does not fit 6in"):
        layout.places(replace(batch, paper="6in", print_height_mm=80), 1)


CODED = [("10001-T-X001", 33), ("10001-2027SUMMER-B012", 33), ("10001-t12345-B1", 20)]


@pytest.mark.parametrize(("number", "wide"), CODED)
def test_every_photo_is_found_again_by_its_code_after_a_300_dpi_rendering(number: str, wide: int) -> None:
    """At every place of a page, and on a piece cut out along the marks, at a slant."""
    files = Files(1)
    one = make_batch(files, "diploma").items[0]
    batch = make_batch(files, "diploma", number=number, print_width_mm=wide)
    each = layout.per_page(batch)
    items = [replace(one, position=99_000 + n) for n in range(each)]
    document = pypdfium2.PdfDocument(sheets.sheet(batch, items, "JOB", lambda item: files.photos[1]))
    picture = document[0].render(scale=300 / 72).to_pil()
    assert {code.text for code in zxingcpp.read_barcodes(picture)} == {f"{number}/{99_000 + n}" for n in range(each)}
    chosen = random.Random(number).randrange(each)
    place = layout.places(batch, each)[chosen]
    box = (place.x, 297 - place.y - 48, place.x + wide, 297 - place.y + layout.STRIP)
    cut = picture.crop(tuple(round(side * 300 / 25.4) for side in box)).rotate(4, expand=True, fillcolor="white")
    assert [code.text for code in zxingcpp.read_barcodes(cut)] == [f"{number}/{99_000 + chosen}"]
    document.close()


def test_names_can_be_read_back_and_their_fonts_lie_in_the_file() -> None:
    files = Files(6)
    data = _sheet(make_batch(files, "diploma"), files)
    document = pypdfium2.PdfDocument(data)
    text = document[0].get_textpage().get_text_range()
    for name in NAMES:
        assert name in text
    fonts = {_font(o) for page in document for o in page.get_objects([pdfium.FPDF_PAGEOBJ_TEXT])}
    assert {(name.split("+")[-1], embedded) for name, embedded in fonts} == {("NotoSansSC-Regular", 1), ("HanaMinB", 1)}
    document.close()


def _font(text: Any) -> tuple[str, int]:
    font = pdfium.FPDFTextObj_GetFont(text)
    name = ctypes.create_string_buffer(200)
    pdfium.FPDFFont_GetBaseFontName(font, name, 200)
    return name.value.decode(), pdfium.FPDFFont_GetIsEmbedded(font)


def test_what_no_font_has_is_written_as_its_number() -> None:
    assert BOTH.runs("王𠮷\U000323af·") == [(FONT, "王"), (RARE, "𠮷"), (FONT, "U+323AF·")]
    assert Lettering((FONT,)).runs("𠮷") == [(FONT, "U+20BB7")]
    assert BOTH.lacking("王𠮷\U000323af\U000323af") == "\U000323af"


def test_a_long_name_is_made_smaller_then_cut_never_over_its_neighbour() -> None:
    from reportlab.pdfgen.canvas import Canvas

    name = "买合木提江·" * 9
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(60 * MM, 20 * MM), invariant=1)
    BOTH.fit(canvas, 10, 10, name, 7, 25)
    canvas.showPage()
    canvas.save()
    document = pypdfium2.PdfDocument(file.getvalue())
    text = document[0].get_textpage().get_text_range()
    assert text.endswith("…") and name.startswith(text[:-1]) and len(text) > 5
    right = max(o.get_bounds()[2] for o in document[0].get_objects([pdfium.FPDF_PAGEOBJ_TEXT]))
    assert right / MM <= 35.1
    document.close()


@pytest.mark.parametrize("classes", [1, 25, 30, 90])
def test_the_delivery_note_counts_every_class_and_keeps_room_for_signatures(classes: int) -> None:
    counts = {("理学院", f"{n}班"): 2 for n in range(classes)}
    document = pypdfium2.PdfDocument(delivery_note(make_batch(Files(1), "diploma"), counts, Key().fingerprint))
    pages = [page.get_textpage().get_text_range() for page in document]
    assert sum(text.count("理学院") for text in pages) == classes
    assert Key().fingerprint in pages[0].replace(" ", "").replace("\r\n", "")
    assert "签字" in pages[-1] and f"{2 * classes} 张" in pages[-1]
    for page in document:
        assert min(o.get_bounds()[1] for o in page.get_objects([pdfium.FPDF_PAGEOBJ_TEXT])) / MM > 10
    document.close()


def test_a_press_beside_the_build_prints_the_same_bytes_and_ends_with_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(6)
    monkeypatch.setattr(press, "MOST", 4)  # two sheets, and with more than one a process of its own
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        started.append(real(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    other = build(tmp_path / "other", make_batch(files, "diploma"), files)
    monkeypatch.undo()
    assert [process.poll() is None for process in started] == [False]
    assert verify(other).problems == ()
    assert (other / "delivery-note.pdf").read_bytes() == (folder / "delivery-note.pdf").read_bytes()
    ordered = in_order(make_batch(files, "diploma").items)
    for number, items in ((1, ordered[:4]), (2, ordered[4:])):
        here = sheets.sheet(make_batch(files, "diploma"), items, f"10001-T-X001-{number:03d}", files.rendition)
        assert (other / f"sheets/{number:03d}.pdf").read_bytes() == here


def test_a_printer_that_dies_fails_the_build_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(6)
    monkeypatch.setattr(press, "MOST", 1)
    real = press.Press.note

    def killed_before_the_note(self: press.Press, fingerprint: str) -> None:
        assert self._process is not None
        self._process.kill()
        real(self, fingerprint)

    monkeypatch.setattr(press.Press, "note", killed_before_the_note)
    with pytest.raises((EOFError, OSError)):
        build(tmp_path / "other", make_batch(files, "diploma"), files)
    assert b"app.export.press" not in subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "args"],
                                                     capture_output=True).stdout  # fmt: skip


def test_a_press_whose_build_was_killed_ends_by_itself(tmp_path: Path) -> None:
    ours, theirs = Pipe()
    handle = theirs.fileno()
    process = subprocess.Popen([sys.executable, "-m", "app.export.press", str(handle)], pass_fds=(handle,))
    theirs.close()
    ours.send((make_batch(Files(1), "diploma", items=()), tmp_path))
    ours.close()
    assert process.wait(timeout=60) == 0


def test_a_sheet_of_the_finished_batch_is_there_for_each_500(folder: Path) -> None:
    assert [path.name for path in (folder / "sheets").iterdir()] == ["001.pdf"]
    items = make_batch(Files(1)).items * 1001
    assert [len(chunk) for chunk in press.chunks(items)] == [500, 500, 1]
