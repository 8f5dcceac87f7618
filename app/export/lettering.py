"""Chinese on paper: every character that a name may hold, embedded, never an empty box.

Noto Sans SC has GB 2312, GBK and extension A; HanaMinB, which set-up brings where it can, has extensions B to F. What
no font has is written as its number, `U+30EDE`. A batch freezes which fonts it is written with, so that its bytes are
the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics, ttfonts
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

_FOLDER = Path(__file__).parent / "fonts"
FONT, RARE = "NotoSansSC", "HanaMinB"
_FILES = {FONT: _FOLDER / "NotoSansSC-Regular.ttf", RARE: _FOLDER / "HanaMinB.ttf"}
LEAST = 4.0
"""Points: smaller is not read on paper."""

_RARE_STARTS = 0x20000
"""The second font is looked at from extension B on: below, the first has whatever the second has."""

Runs = Sequence[tuple[str, str]]

_make_cmap = ttfonts.makeToUnicodeCMap


def _to_unicode(name: str, subset: list[int]) -> str:
    """ReportLab writes characters above U+FFFF as five digits, which no reader takes: the format wants UTF-16."""

    def utf16(found: re.Match[str]) -> str:
        return f"> <{chr(int(found[1], 16)).encode('utf-16-be').hex().upper()}>"

    return re.sub(r"> <([0-9A-F]{5,6})>", utf16, _make_cmap(name, subset))


ttfonts.makeToUnicodeCMap = _to_unicode


@cache
def _glyphs(font: str) -> frozenset[int]:
    """The characters of a font; it is read and made known to ReportLab on first use."""
    file = _FILES[font]
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: run `make setup`")
    made = TTFont(font, str(file))
    pdfmetrics.registerFont(made)
    return frozenset(made.face.charToGlyph)


def available() -> tuple[str, ...]:
    """The fonts that are installed, the first always named: without it nothing can be printed."""
    return (FONT, RARE) if _FILES[RARE].exists() else (FONT,)


class Lettering:
    """Writes with the fonts that a batch froze. Raises FileNotFoundError when one of them is not installed."""

    def __init__(self, fonts: Sequence[str]) -> None:
        self._rare = RARE in fonts
        _glyphs(FONT)

    def _font_of(self, char: str) -> str | None:
        code = ord(char)
        if code in _glyphs(FONT):
            return FONT
        return RARE if self._rare and code >= _RARE_STARTS and code in _glyphs(RARE) else None

    def lacking(self, text: str) -> str:
        """The characters that no font here has, each once, in order."""
        return "".join(dict.fromkeys(char for char in text if self._font_of(char) is None))

    def runs(self, text: str) -> Runs:
        """The text cut into (font, part); a character without a glyph becomes `U+XXXX`."""
        if text.isascii() and text.isprintable():  # every student number: the first font has all of it
            return [(FONT, text)] if text else []
        fonts = [(self._font_of(char), char) for char in text]
        spelled = [(font, char) if font else (FONT, f"U+{ord(char):04X}") for font, char in fonts]
        return [(font, "".join(char for _, char in part)) for font, part in groupby(spelled, key=lambda pair: pair[0])]

    def width(self, text: str, size: float) -> float:
        """How wide a line is, in millimetres."""
        return _width(self.runs(text), size)

    def write(self, canvas: Canvas, x: float, y: float, text: str, size: float) -> None:
        """Write one line from `x`, `y` (millimetres from the lower left), `size` in points."""
        self._write(canvas, x, y, self.runs(text), size)

    def _write(self, canvas: Canvas, x: float, y: float, runs: Runs, size: float) -> None:
        for font, part in runs:
            canvas.setFont(font, size)
            canvas.drawString(x * mm, y * mm, part)
            x += pdfmetrics.stringWidth(part, font, size) / mm

    def fit(self, canvas: Canvas, x: float, y: float, text: str, size: float, room: float) -> None:
        """`write` in at most `room` millimetres: smaller down to `LEAST` points, then cut with an ellipsis."""
        runs = self.runs(text)
        wide = _width(runs, size)
        if wide > room:
            size = max(LEAST, size * room / wide)
            while text and _width(runs, size) > room + 0.01:
                text = text.removesuffix("…")[:-1] + "…"
                runs = self.runs(text)
        self._write(canvas, x, y, runs, size)


def _width(runs: Runs, size: float) -> float:
    return float(sum(pdfmetrics.stringWidth(part, font, size) for font, part in runs) / mm)
