"""Builds one frozen batch."""

from __future__ import annotations

import logging

from app.export.pictures import SourceChanged
from app.rules.faults import Fault
from app.services import batches

log = logging.getLogger(__name__)


def build_batch(batch_id: int) -> str:
    """Build and mark ready. Harmless twice: the same rows give the same bytes, and one builder works at a time.

    A changed or missing photo stops the build; the batch names it on its page, and recalling that order lets it go on.
    """
    try:
        return batches.build(batch_id, batches.note_progress(batch_id)).name
    except (SourceChanged, Fault) as error:
        log.error("build_failed batch=%s error=%s", batch_id, type(error).__name__)
        return type(error).__name__
