"""When the queue will be empty, if people go on as in the last hour."""

from __future__ import annotations

from datetime import datetime, timedelta

LONGEST = timedelta(days=30)
"""Beyond that a forecast says nothing."""


def empty_at(waiting: int, decided: int, arrived: int, moment: datetime) -> datetime | None:
    """When `waiting` orders are decided, from what was decided and what arrived in the hour before `moment`.

    None where more arrives than is decided, or where it would take more than a month.
    """
    if waiting == 0:
        return moment
    gain = decided - arrived
    if gain <= 0:
        return None
    needed = timedelta(hours=waiting / gain)
    return moment + needed if needed <= LONGEST else None
