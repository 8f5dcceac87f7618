"""Sends one round of reminders."""

from __future__ import annotations

from app.rules.faults import ActionNotAllowed
from app.services.schools import reminders


def send_round(campaign_id: int, kind: str, staff_id: int | None) -> str:
    """Remind everybody who may be reminded. Harmless twice: each student's own bounds are looked at again."""
    try:
        if kind == reminders.LAST_NOTICE:
            outcome = reminders.last_notice(campaign_id, staff_id)
        else:
            outcome = reminders.send_round(campaign_id, kind, staff_id)
    except ActionNotAllowed:
        return "ended"
    return f"{outcome.sent} sent"
