"""Reads or takes one roster file."""

from __future__ import annotations

from app.services.schools import roster_imports


def work(import_id: int) -> str:
    """The next step of one file. Harmless twice: rows are matched by student number."""
    return roster_imports.work(import_id)
