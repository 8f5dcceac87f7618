"""Numbers as pages show them."""

from __future__ import annotations

import pytest

from app.models import PhotoCheck
from app.views.texts import check_value


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.803, None, 0.8, " (0.803; ≤ 0.80)"),
        (0.0704, None, 0.07, " (0.0704; ≤ 0.07)"),
        (0.2797, 0.28, None, " (0.2797; ≥ 0.28)"),
        (0.9, None, 0.8, " (0.90; ≤ 0.80)"),
        (49.7, 50.0, 110.0, " (49.70; 50–110)"),
        (50.0, 50.0, 110.0, " (50; 50–110)"),
        (0.0, None, 0.6, " (0; ≤ 0.60)"),
    ],
)
def test_a_value_that_misses_a_limit_never_looks_equal_to_it(
    value: float, low: float | None, high: float | None, shown: str
) -> None:
    assert check_value(PhotoCheck(value=value, low=low, high=high, unit="")) == shown
