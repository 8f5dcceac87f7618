"""A measured value under a limit: its verdict, and the limits that a person is told with it."""

from __future__ import annotations

import pytest

from app.rules.photo_rule import Limit
from app.rules.report import CheckVerdict

BOTH, ONLY_WARN = Limit("°", (-4, 4), (-8, 8)), Limit("", (0.2, None), (None, None))


@pytest.mark.parametrize(
    ("limit", "value", "verdict", "told"),
    [
        (BOTH, 4.0, "pass", (-8, 8)),
        (BOTH, 4.1, "warn", (-4, 4)),
        (BOTH, -8.0, "warn", (-4, 4)),
        (BOTH, -8.1, "fail", (-8, 8)),
        (ONLY_WARN, 0.2, "pass", (0.2, None)),
        (ONLY_WARN, 0.1, "warn", (0.2, None)),
    ],
)
def test_a_value_is_judged_and_told_with_the_limits_that_it_broke(
    limit: Limit, value: float, verdict: str, told: tuple[float | None, float | None]
) -> None:
    assert limit.judge(value) is CheckVerdict(verdict)
    assert limit.told(limit.judge(value)) == told
