"""Charts: the shapes say what the numbers say, and nothing needs a script or an inline style."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, render_template_string
from hypothesis import given
from hypothesis import strategies as st

from app.views.charts import every, runs, scale

SERIES = [("通过", "good"), ("驳回", "bad")]


@given(st.floats(0, 1e7))
def test_a_scale_holds_the_highest_value_with_few_round_ticks(highest: float) -> None:
    made = scale(highest)
    assert made.top >= highest
    assert made.ticks[0] == 0
    assert made.ticks[-1] == made.top
    assert 2 <= len(made.ticks) <= 6
    assert made.top <= max(8, 2.5 * highest)


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (8, 1), (9, 2), (24, 3), (90, 12)])
def test_labels_do_not_run_into_each_other(count: int, shown: int) -> None:
    assert every(count) == shown


def test_a_line_has_a_gap_where_a_value_is_missing() -> None:
    rows = [("a", [1]), ("b", [None]), ("c", [3]), ("d", [4])]
    assert runs(rows, 0) == [(0, [1]), (2, [3, 4])]


def _drawn(app: Flask, call: str, **facts: Any) -> str:
    with app.test_request_context("/"):
        page = render_template_string(
            '{% import "components/charts.html" as charts with context %}{{ charts.' + call + " }}", **facts
        )
    assert "style=" not in page
    assert "<script" not in page
    return page


def test_columns_are_as_high_as_their_values(app: Flask) -> None:
    rows = [("09", [3, 1]), ("10", [0, 0]), ("11", [4, 4])]
    page = _drawn(app, "columns(rows, series, 'x', height=100)", rows=rows, series=SERIES)
    heights = [
        float(h)
        for h in re.findall(r'class="(?:good|bad)"\s+x="[^"]+"\s+width="[^"]+"\s+y="[^"]+"\s+height="([^"]+)"', page)
    ]
    assert heights == [37.5, 12.5, 50.0, 50.0]


def test_stacked_parts_lie_side_by_side(app: Flask) -> None:
    page = _drawn(app, "stacked(rows, series, 'x')", rows=[("文学院", [30, 10]), ("理学院", [5, 5])], series=SERIES)
    parts = re.findall(r'class="(good|bad)"\s+x="([^"]+)%"\s+width="([^"]+)%"', page)
    assert parts == [("good", "0.0", "75.0"), ("bad", "75.0", "25.0"), ("good", "0.0", "12.5"), ("bad", "12.5", "12.5")]


def test_bars_are_in_proportion_and_what_is_written_is_escaped(app: Flask) -> None:
    page = _drawn(app, "bars(rows, 'x')", rows=[("<b>", 8), ("衣着", 2, "2 %")])
    assert re.findall(r'class="plain"\s+width="([^"]+)%"', page) == ["100.0", "25.0"]
    assert "&lt;b&gt;" in page
    assert "2 %" in page


@pytest.mark.parametrize(
    "call",
    ["bars([], 'x')", "stacked([], s, 'x')", "columns([('a', [0, 0])], s, 'x')", "line([], s, 'x')"],
)
def test_nothing_to_draw_says_so(app: Flask, call: str) -> None:
    page = _drawn(app, call, s=SERIES)
    assert "chart-empty" in page
    assert "<svg" not in page


def test_lines_sparks_and_donuts_are_drawn(app: Flask) -> None:
    line = _drawn(app, "line(rows, series, 'x')", rows=[("1", [2, None]), ("2", [4, 5])], series=SERIES)
    assert line.count("<polyline") == 2
    assert 'points="0,3 1,0 2,2"' in _drawn(app, "spark([0, 3, 1], 'x')")
    assert 'stroke-dasharray="25.0 75.0"' in _drawn(app, "donut(1, 4, 'x')")
    assert "–" in _drawn(app, "donut(0, 0, 'x')")
