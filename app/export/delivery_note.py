"""The delivery note: counts by college and class, the key's fingerprint, room for signatures."""

from __future__ import annotations

import io
from collections import Counter

from natsort import natsorted
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from app.export.frozen import NO_CLASS, FrozenBatch
from app.export.sheets import FONT, printable, register_font

_TOP, _BOTTOM, _LEFT = 277, 40, 20


def delivery_note(batch: FrozenBatch, fingerprint: str) -> bytes:
    """One PDF, A4; the same batch is the same bytes."""
    register_font()
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(210 * mm, 297 * mm), invariant=1, pageCompression=1)
    canvas.setTitle(batch.number)
    counts = Counter((item.college or NO_CLASS, item.class_name or NO_CLASS) for item in batch.items)
    lines = [f"{college}    {name}    {counts[college, name]}" for college, name in natsorted(counts)]
    y = _head(canvas, batch, fingerprint)
    canvas.setFont(FONT, 10)
    for line in lines:
        if y < _BOTTOM:
            canvas.showPage()
            canvas.setFont(FONT, 10)
            y = _TOP
        canvas.drawString(_LEFT * mm, y * mm, printable(line))
        y -= 6
    canvas.drawString(_LEFT * mm, (y - 2) * mm, f"合计 Total    {len(batch.items)}")
    for x, text in ((_LEFT, "交付人 Delivered by"), (110, "接收人 Received by")):
        canvas.drawString(x * mm, 28 * mm, text)
        canvas.line(x * mm, 18 * mm, (x + 70) * mm, 18 * mm)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _head(canvas: Canvas, batch: FrozenBatch, fingerprint: str) -> float:
    canvas.setFont(FONT, 16)
    canvas.drawString(_LEFT * mm, _TOP * mm, "交付单 Delivery note")
    canvas.setFont(FONT, 10)
    facts = (
        f"批次 Batch    {batch.number}  ({batch.kind})",
        f"学校 School    {batch.school_name}  {batch.school_code}",
        f"采集批次 Campaign    {batch.campaign_name}  {batch.campaign_code}",
        f"冻结时间 Frozen at    {batch.frozen_at}",
        "签名密钥指纹 Signing key fingerprint",
        f"{fingerprint[:32]}",
        f"{fingerprint[32:]}",
    )
    y = _TOP - 10.0
    for fact in facts:
        canvas.drawString(_LEFT * mm, y * mm, printable(fact))
        y -= 6
    return y - 4
