"""Reads one collection code."""

from __future__ import annotations

import logging

from app.adapters.storage import storage
from app.services.photos import codes
from workers.checker import CheckerCrashed, CheckerFailed, CheckerHung, CheckerLost
from workers.jobs.checker_child import checker

log = logging.getLogger(__name__)


def read_code(code_id: int) -> str:
    """Claim the picture, read it in the child, keep payload or fault. Harmless twice: it takes unread pictures only."""
    code = codes.claim(code_id)
    if code is None:
        return "not waiting"
    attempt = code.attempt
    try:
        with storage().local(code.key) as path:
            reading = checker().read_code(path)
    except (CheckerCrashed, CheckerFailed, CheckerHung, OSError):
        log.exception("code_unreadable code=%s", code_id)
        codes.keep(code_id, None, "unreadable_file")
        return "unreadable_file"
    except CheckerLost:
        log.warning("checker_missing code=%s attempt=%s", code_id, attempt)
        codes.again(code_id, attempt)
        return "waits"
    codes.keep(code_id, reading.payload, reading.fault)
    return reading.fault or "read"
