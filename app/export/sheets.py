"""Sheets for the press: the rendition's own JPEG bytes in true millimetres, cut marks, ruler, names, small codes."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import zxingcpp
from reportlab import rl_config
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from app.export.frozen import FrozenBatch, FrozenItem
from app.export.layout import GAP, MARGINS, PAPERS, RATIO, STRIP, Place, per_page, places
from app.export.lettering import Lettering

rl_config.useA85 = 0  # binary streams: half the time and three quarters of the bytes

CODE, CODE_GAP = 6.4, 1.0
"""Millimetres: side of a small code, and its distance from the photo above."""

_DARK = re.compile(rb"\x00+")

Read = Callable[[FrozenItem], bytes]


@dataclass(frozen=True)
class Jpeg:
    """A JPEG as ReportLab embeds it without decoding: it asks for `jpeg_fh`, and for a name by `str`."""

    name: str
    data: bytes

    def jpeg_fh(self) -> io.BytesIO:
        """The file."""
        return io.BytesIO(self.data)

    def __str__(self) -> str:
        return self.name


def sheet(batch: FrozenBatch, items: Sequence[FrozenItem], job: str, read: Read) -> bytes:
    """One PDF with these photos; `read` gives a rendition. The same input is the same bytes."""
    file = io.BytesIO()
    width, height = PAPERS[batch.paper]
    canvas = Canvas(file, pagesize=(width * mm, height * mm), invariant=1, pageCompression=1)
    canvas.setTitle(job)
    letters, each = Lettering(batch.fonts), per_page(batch)
    pages = -(-len(items) // each)
    spots = places(batch, len(items))
    for page in range(pages):
        _frame(canvas, letters, batch, f"{job}  {page + 1}/{pages}")
        some = slice(page * each, (page + 1) * each)
        for item, place in zip(items[some], spots[some], strict=True):
            _photo(canvas, batch, place, Jpeg(item.rendition_sha256, read(item)))
            _cut_marks(canvas, batch, place)
            _strip(canvas, letters, batch, item, place)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _frame(canvas: Canvas, letters: Lettering, batch: FrozenBatch, job: str) -> None:
    """Job number, page, and a ruler of 50 mm by which the press sees that nothing was scaled."""
    width, height = PAPERS[batch.paper]
    margin = MARGINS[batch.paper]
    y, start = height - margin - 3, width - margin - 50
    letters.fit(canvas, margin, y + 0.5, f"{job}  {batch.school_name}", 7, start - margin - 12)
    letters.write(canvas, start - 8, y, "50 mm", 6)
    canvas.setLineWidth(0.25)
    canvas.line(start * mm, y * mm, (start + 50) * mm, y * mm)
    for tick in range(0, 51, 5):
        long = 2.0 if tick % 10 == 0 else 1.2
        canvas.line((start + tick) * mm, y * mm, (start + tick) * mm, (y + long) * mm)


def _photo(canvas: Canvas, batch: FrozenBatch, place: Place, jpeg: Jpeg) -> None:
    wide, high = float(batch.print_width_mm), float(batch.print_height_mm)
    # the whole picture at full height or width, whichever leaves no gap; what is over is clipped on both sides alike
    full_w, full_h = (high * RATIO, high) if high * RATIO >= wide else (wide, wide / RATIO)
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(place.x * mm, place.y * mm, wide * mm, high * mm)
    canvas.clipPath(path, stroke=0, fill=0)
    x, y = place.x - (full_w - wide) / 2, place.y - (full_h - high) / 2
    canvas.drawImage(jpeg, x * mm, y * mm, full_w * mm, full_h * mm)
    canvas.restoreState()


def _cut_marks(canvas: Canvas, batch: FrozenBatch, place: Place) -> None:
    """Hairlines in the gaps: around photo and strip, so that a piece keeps its code, and where the strip comes off."""
    canvas.setLineWidth(0.1)
    near, far = 0.3, GAP / 2 - 0.3
    left, right = place.x, place.x + batch.print_width_mm
    bottom, top = place.y - STRIP, place.y + batch.print_height_mm
    for y in (bottom, place.y, top):
        canvas.line((left - far) * mm, y * mm, (left - near) * mm, y * mm)
        canvas.line((right + near) * mm, y * mm, (right + far) * mm, y * mm)
    for x in (left, right):
        canvas.line(x * mm, (top + near) * mm, x * mm, (top + far) * mm)
        canvas.line(x * mm, (bottom - near) * mm, x * mm, (bottom - far) * mm)


def _strip(canvas: Canvas, letters: Lettering, batch: FrozenBatch, item: FrozenItem, place: Place) -> None:
    """Name and number below the photo, and a small QR code of batch and position that finds it again after cutting."""
    room = batch.print_width_mm - CODE - 1.2
    letters.fit(canvas, place.x, place.y - 3.6, item.name, 7, room)
    letters.fit(canvas, place.x, place.y - 6.6, item.student_no, 6, room)
    _code(canvas, f"{batch.number}/{item.position}", place.x + batch.print_width_mm - CODE, place.y - CODE_GAP)


def _code(canvas: Canvas, text: str, left: float, top: float) -> None:
    """A bar for each run of dark modules, in the code's own grid: whole numbers are short and need no rounding."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    cells = bytes(zxingcpp.write_barcode_to_image(made, add_quiet_zones=False))  # type: ignore[call-overload]
    side = math.isqrt(len(cells))
    cell, bars = CODE / side * mm, _bars(side)
    lines = b"\xff".join([cells[start : start + side] for start in range(0, side * side, side)])
    drawn = " ".join([bars[run.span()] for run in _DARK.finditer(lines)])
    canvas.addLiteral(f"q {cell:.5f} 0 0 {-cell:.5f} {left * mm:.4f} {top * mm:.4f} cm {drawn} f Q")


@cache
def _bars(side: int) -> Mapping[tuple[int, int], str]:
    """The bar of every run of dark modules that a code of this size can have, by its place in the code's lines.

    A code has two hundred of them: they are looked up, for writing them anew took a fifth of a sheet's time.
    """
    wide = side + 1  # each line ends with a light module
    return {
        (row * wide + start, row * wide + end): f"{start} {row} {end - start} 1 re"
        for row in range(side)
        for start in range(side)
        for end in range(start + 1, side + 1)
    }
