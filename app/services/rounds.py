"""Many small jobs against an outside service that may be down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from app.rules.faults import Busy

log = logging.getLogger(__name__)

PATIENCE = 3
"""How many silent answers in a row end a round: WeChat is down, the next sweep goes on."""


def patiently(ids: Iterable[int], work: Callable[[int], object]) -> int:
    """Do `work` for each id. One that fails stops no other; a WeChat that is down ends the round. Returns how many."""
    tried = silent = 0
    for one in ids:
        tried += 1
        try:
            work(one)
            silent = 0
        except Busy:
            silent += 1
        except Exception:
            log.exception("sweep_item_failed work=%s id=%s", getattr(work, "__name__", ""), one)
        if silent >= PATIENCE:
            break
    return tried
