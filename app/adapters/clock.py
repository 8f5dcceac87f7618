"""The one clock. Stored times are UTC; a campaign's days are Beijing days."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def beijing(moment: datetime) -> datetime:
    """The same moment on a clock in Beijing."""
    return moment.astimezone(BEIJING)
