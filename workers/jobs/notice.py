"""Sends one notice."""

from __future__ import annotations

from app.services import notices


def send(outbox_id: int) -> str:
    """Send one row of the outbox when it is due; `flask sweep` sends what is left. Harmless twice."""
    return notices.send(outbox_id)
