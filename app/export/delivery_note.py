"""The delivery note: counts by college and class, the key's fingerprint, room for signatures. A4."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence

from natsort import natsorted
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from app.export.frozen import KIND_NAMES, NO_CLASS, FrozenBatch
from app.export.lettering import Lettering

LEFT, RIGHT, TOP, BOTTOM, FOOT = 20.0, 190.0, 277.0, 22.0, 62.0
"""Millimetres; the last page keeps `FOOT` free for signatures."""

LINE = 6.0
COLLEGE, CLASS = 75.0, 60.0
"""Columns: room for a college's and a class's name."""


Counts = Mapping[tuple[str, str], int]


def delivery_note(batch: FrozenBatch, counts: Counts, fingerprint: str) -> bytes:
    """One PDF; `counts` are photos by college and class. The same batch is the same bytes."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(210 * mm, 297 * mm), invariant=1, pageCompression=1)
    canvas.setTitle(f"{batch.number} 交付单 Delivery note")
    letters = Lettering(batch.fonts)
    pages = _pages(_rows(counts))
    for number, rows in enumerate(pages, start=1):
        y = _head(canvas, letters, batch, fingerprint) if number == 1 else TOP
        y = _table(canvas, letters, rows, y)
        if number == len(pages):
            letters.write(canvas, LEFT, y - 2, f"合计 Total　{sum(counts.values())} 张 photos", 11)
            _signatures(canvas, letters)
        letters.write(canvas, LEFT, 12, f"{batch.number}　{number}/{len(pages)}", 8)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


Row = tuple[str, str, str]


def _rows(counts: Counts) -> list[Row]:
    """Sorted as people number their classes; what has no name stands under 未分班."""
    named = Counter[tuple[str, str]]()
    for (college, name), count in counts.items():
        named[college or NO_CLASS, name or NO_CLASS] += count
    return [(college, name, str(named[college, name])) for college, name in natsorted(named)]


def _pages(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Rows page by page: the first has the head, the last the signatures."""
    first, later, foot = int((TOP - 66 - BOTTOM) // LINE), int((TOP - BOTTOM) // LINE) - 2, int((FOOT - BOTTOM) // LINE)
    pages = [rows[:first]]
    for start in range(first, len(rows), later):
        pages.append(rows[start : start + later])
    if len(pages[-1]) > (first if len(pages) == 1 else later) - foot - 1:
        pages.append([])
    return pages


def _head(canvas: Canvas, letters: Lettering, batch: FrozenBatch, fingerprint: str) -> float:
    letters.write(canvas, LEFT, TOP, "交付单 Delivery note", 18)
    facts = (
        ("批次 Batch", f"{batch.number}（{KIND_NAMES[batch.kind]}）"),
        ("学校 School", f"{batch.school_name}　{batch.school_code}"),
        ("采集批次 Campaign", f"{batch.campaign_name}　{batch.campaign_code}"),
        ("冻结时间 Frozen (UTC)", batch.frozen_at),
        ("上一批次 Previous", batch.previous or "–"),
        ("已替换的文件 Superseded", str(len(batch.superseded))),
        ("签名密钥指纹 Key", " ".join(fingerprint[i : i + 8] for i in range(0, 32, 8))),
        ("", " ".join(fingerprint[i : i + 8] for i in range(32, 64, 8))),
    )
    y = TOP - 11
    for name, value in facts:
        letters.write(canvas, LEFT, y, name, 9)
        letters.fit(canvas, LEFT + 45, y, value, 10, RIGHT - LEFT - 45)
        y -= LINE
    return y - 3


def _table(canvas: Canvas, letters: Lettering, rows: Sequence[Row], y: float) -> float:
    """The counts; returns where the next line goes."""
    if not rows:
        return y
    canvas.setLineWidth(0.4)
    letters.write(canvas, LEFT, y, "院系 College", 9)
    letters.write(canvas, LEFT + COLLEGE + 4, y, "班级 Class", 9)
    letters.write(canvas, RIGHT - 22, y, "张数 Photos", 9)
    canvas.line(LEFT * mm, (y - 2) * mm, RIGHT * mm, (y - 2) * mm)
    canvas.setLineWidth(0.1)
    for college, name, count in rows:
        y -= LINE
        letters.fit(canvas, LEFT, y, college, 10, COLLEGE)
        letters.fit(canvas, LEFT + COLLEGE + 4, y, name, 10, CLASS)
        letters.write(canvas, RIGHT - letters.width(count, 10), y, count, 10)
        canvas.line(LEFT * mm, (y - 1.8) * mm, RIGHT * mm, (y - 1.8) * mm)
    return y - LINE


def _signatures(canvas: Canvas, letters: Lettering) -> None:
    canvas.setLineWidth(0.4)
    for x, who in ((LEFT, "交付人 Delivered by"), (LEFT + 90, "接收人 Received by")):
        letters.write(canvas, x, 46, who, 10)
        for y, what in ((34, "签字 Signature"), (24, "日期 Date")):
            letters.write(canvas, x, y, what, 8)
            canvas.line((x + 26) * mm, (y - 1) * mm, (x + 80) * mm, (y - 1) * mm)
