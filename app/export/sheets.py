"""Sheets for the press: the rendition's own JPEG bytes in true millimetres, cut marks, ruler, names, small codes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import segno
from reportlab import rl_config
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from app.export.frozen import FrozenBatch, FrozenItem

rl_config.useA85 = 0  # binary streams: half the time and three quarters of the bytes

FONT = "NotoSansSC"
FONT_FILE = Path(__file__).parent / "fonts" / "NotoSansSC-Regular.ttf"
PAPERS = {"A4": (210.0, 297.0), "6in": (152.0, 102.0)}
MOST = 500
"""Photos in one PDF: memory grows with it."""

GAP, MARGIN, HEAD, STRIP, CODE = 3.0, 8.0, 7.0, 7.0, 7.0
"""Millimetres: between photos, paper margin, line with job number and ruler, strip below a photo, its code."""

RATIO = 480 / 640


@dataclass(frozen=True)
class Place:
    """Where one photo lies: page from 1, left and bottom of the clipped picture in millimetres from the lower left."""

    page: int
    x: float
    y: float


def places(batch: FrozenBatch, count: int) -> list[Place]:
    """The places of the first `count` photos on the batch's paper. Raises ValueError when not even one fits."""
    width, height = PAPERS[batch.paper]
    cell_w, cell_h = batch.print_width_mm + GAP, batch.print_height_mm + STRIP + GAP
    columns = int((width - 2 * MARGIN + GAP) // cell_w)
    rows = int((height - 2 * MARGIN - HEAD + GAP) // cell_h)
    if columns < 1 or rows < 1:
        raise ValueError(f"a photo of {batch.print_width_mm} x {batch.print_height_mm} mm does not fit {batch.paper}")
    left = (width - columns * cell_w + GAP) / 2
    top = height - MARGIN - HEAD
    found = []
    for index in range(count):
        page, slot = divmod(index, columns * rows)
        row, column = divmod(slot, columns)
        found.append(Place(page + 1, left + column * cell_w, top - row * cell_h - batch.print_height_mm))
    return found


def register_font() -> None:
    """Make the embedded Chinese font known. Raises FileNotFoundError, with what to do, when set-up has not run."""
    if FONT in pdfmetrics.getRegisteredFontNames():
        return
    if not FONT_FILE.exists():
        raise FileNotFoundError(f"{FONT_FILE} is missing: run `make setup`")
    pdfmetrics.registerFont(TTFont(FONT, str(FONT_FILE)))


def printable(text: str) -> str:
    """The text with `U+XXXX` for characters that the font lacks: never an empty box."""
    glyphs = pdfmetrics.getFont(FONT).face.charToGlyph
    return "".join(char if ord(char) in glyphs else f"U+{ord(char):04X}" for char in text)


def chunks(items: Sequence[FrozenItem]) -> Iterator[Sequence[FrozenItem]]:
    """Items sheet by sheet."""
    for start in range(0, len(items), MOST):
        yield items[start : start + MOST]


def sheet(batch: FrozenBatch, items: Sequence[FrozenItem], job: str, read: Callable[[FrozenItem], bytes]) -> bytes:
    """One PDF with these photos; `read` gives a rendition. The same input is the same bytes."""
    register_font()
    file = io.BytesIO()
    width, height = PAPERS[batch.paper]
    canvas = Canvas(file, pagesize=(width * mm, height * mm), invariant=1, pageCompression=1)
    canvas.setTitle(job)
    spots = places(batch, len(items))
    pages = spots[-1].page if spots else 1
    page = 0
    for item, place in zip(items, spots, strict=True):
        if place.page != page:
            if page:
                canvas.showPage()
            page = place.page
            _frame(canvas, batch, job, page, pages)
        _photo(canvas, batch, item, place, read(item))
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _frame(canvas: Canvas, batch: FrozenBatch, job: str, page: int, pages: int) -> None:
    """Job number, page, and a ruler of 50 mm by which the press sees that nothing was scaled."""
    width, height = PAPERS[batch.paper]
    y = height - MARGIN
    canvas.setFont(FONT, 7)
    canvas.drawString(MARGIN * mm, (y - 2.5) * mm, printable(f"{job}  {page}/{pages}  {batch.school_name}"))
    canvas.setLineWidth(0.25)
    start = width - MARGIN - 50
    canvas.line(start * mm, (y - 3) * mm, (start + 50) * mm, (y - 3) * mm)
    for tick in range(0, 51, 5):
        long = 2.0 if tick % 10 == 0 else 1.2
        canvas.line((start + tick) * mm, (y - 3) * mm, (start + tick) * mm, (y - 3 + long) * mm)
    canvas.setFont(FONT, 5)
    canvas.drawRightString((start - 1) * mm, (y - 3) * mm, "50 mm")


def _photo(canvas: Canvas, batch: FrozenBatch, item: FrozenItem, place: Place, data: bytes) -> None:
    wide, high = float(batch.print_width_mm), float(batch.print_height_mm)
    # the whole picture at full height or width, whichever leaves no gap; what is over is clipped on both sides alike
    full_w, full_h = (high * RATIO, high) if high * RATIO >= wide else (wide, wide / RATIO)
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(place.x * mm, place.y * mm, wide * mm, high * mm)
    canvas.clipPath(path, stroke=0, fill=0)
    x, y = place.x - (full_w - wide) / 2, place.y - (full_h - high) / 2
    canvas.drawImage(ImageReader(io.BytesIO(data)), x * mm, y * mm, full_w * mm, full_h * mm)
    canvas.restoreState()
    _cut_marks(canvas, place, wide, high)
    _strip(canvas, batch, item, place, wide)


def _cut_marks(canvas: Canvas, place: Place, wide: float, high: float) -> None:
    """Hairlines beside the corners, in the gap only."""
    canvas.setLineWidth(0.1)
    reach = GAP / 2 - 0.3
    for x, outward in ((place.x, -1), (place.x + wide, 1)):
        for y in (place.y, place.y + high):
            canvas.line((x + outward * 0.3) * mm, y * mm, (x + outward * reach) * mm, y * mm)
    for x in (place.x, place.x + wide):
        y = place.y + high
        canvas.line(x * mm, (y + 0.3) * mm, x * mm, (y + reach) * mm)
        canvas.line(x * mm, (place.y - 0.3) * mm, x * mm, (place.y - reach) * mm)


def _strip(canvas: Canvas, batch: FrozenBatch, item: FrozenItem, place: Place, wide: float) -> None:
    """Name and number below the photo, and a small QR code of batch and position that finds it again after cutting."""
    room = wide - CODE - 1
    for text, size, drop in ((item.name, 6.5, 3.2), (item.student_no, 5.5, 6.0)):
        shown = printable(text)
        while size > 3 and pdfmetrics.stringWidth(shown, FONT, size) > room * mm:
            size -= 0.25
        canvas.setFont(FONT, size)
        canvas.drawString(place.x * mm, (place.y - drop) * mm, shown)
    matrix = list(segno.make(f"{batch.number}/{item.position}", error="m", micro=False).matrix)
    cell = (CODE - 0.6) / len(matrix)
    left, top = place.x + wide - CODE + 0.6, place.y - 0.6
    path = canvas.beginPath()
    for row, line in enumerate(matrix):
        for column, dark in enumerate(line):
            if dark:
                path.rect((left + column * cell) * mm, (top - (row + 1) * cell) * mm, cell * mm, cell * mm)
    canvas.drawPath(path, stroke=0, fill=1)
