"""Where photos lie on a sheet, in millimetres from the paper's lower left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.export.frozen import FrozenBatch

PAPERS = {"A4": (210.0, 297.0), "6in": (152.0, 102.0)}
MARGINS = {"A4": 8.0, "6in": 5.0}
GAP, HEAD, STRIP = 3.0, 7.0, 8.0
"""Between photos; the line with job number and ruler; the strip below each photo."""

RATIO = 480 / 640


@dataclass(frozen=True)
class Grid:
    """How many photos a page holds, and where its first one is."""

    columns: int
    rows: int
    left: float
    top: float


@dataclass(frozen=True)
class Place:
    """Where one photo lies: page from 1, left and bottom of the clipped picture."""

    page: int
    x: float
    y: float


def grid(print_width: float, print_height: float, paper: str) -> Grid:
    """The page for photos of this size; no columns or rows where not even one fits."""
    width, height = PAPERS[paper]
    margin, cell = MARGINS[paper], print_width + GAP
    columns = int((width - 2 * margin + GAP) // cell)
    rows = int((height - 2 * margin - HEAD + GAP) // (print_height + STRIP + GAP))
    return Grid(columns, rows, (width - columns * cell + GAP) / 2, height - margin - HEAD)


def fits(print_width: float, print_height: float, paper: str) -> bool:
    """Whether the paper holds at least one photo."""
    page = grid(print_width, print_height, paper)
    return page.columns > 0 and page.rows > 0


def per_page(batch: FrozenBatch) -> int:
    """Photos on one page. Raises ValueError when not even one fits."""
    page = grid(batch.print_width_mm, batch.print_height_mm, batch.paper)
    if page.columns < 1 or page.rows < 1:
        raise ValueError(f"a photo of {batch.print_width_mm} x {batch.print_height_mm} mm does not fit {batch.paper}")
    return page.columns * page.rows


def places(batch: FrozenBatch, count: int) -> Sequence[Place]:
    """The places of `count` photos, row by row. Raises ValueError when not even one fits."""
    each, page = per_page(batch), grid(batch.print_width_mm, batch.print_height_mm, batch.paper)
    across, down = batch.print_width_mm + GAP, batch.print_height_mm + STRIP + GAP
    found = []
    for index in range(count):
        number, slot = divmod(index, each)
        row, column = divmod(slot, page.columns)
        found.append(Place(number + 1, page.left + column * across, page.top - row * down - batch.print_height_mm))
    return found
