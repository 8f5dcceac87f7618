"""Medians and percentiles by selection are NumPy's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from workers.imaging.ranks import median, percentile

VALUES = arrays(np.float32, some.integers(1, 60), elements=some.floats(-1000, 1000, width=32))


@given(VALUES, some.floats(0, 100))
def test_a_percentile_lies_where_numpy_puts_it(values: np.ndarray, percent: float) -> None:
    assert percentile(values, percent) == pytest.approx(float(np.percentile(values.astype(float), percent)), abs=1e-6)


@given(VALUES)
def test_the_median_is_the_middle(values: np.ndarray) -> None:
    assert median(values) == pytest.approx(float(np.median(values.astype(float))), abs=1e-6)


@pytest.mark.parametrize("kind", ["grain", "steps", "flat", "slope", "unlike its sample"])
def test_of_many_values_it_is_the_same(kind: str) -> None:
    chance = np.random.default_rng(7)
    many = {
        "grain": chance.normal(0, 3, 90_001),
        "steps": chance.integers(0, 12, 90_001),
        "flat": np.zeros(90_001),
        "slope": np.arange(90_001),
        "unlike its sample": np.where(np.arange(90_001) % 43 == 0, 500, chance.normal(0, 3, 90_001)),
    }[kind].astype(np.float32)
    for percent in (0, 2, 50, 95, 98, 100):
        assert percentile(many, percent) == pytest.approx(float(np.percentile(many.astype(float), percent)), abs=1e-6)


def test_of_nothing_there_is_none() -> None:
    assert np.isnan(median(np.zeros(0, np.float32)))
