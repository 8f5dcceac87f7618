"""Batches: freeze the list, build outside any transaction, finish; then hand over, acknowledge, recall, discard."""

from app.rules.states import Role
from app.services.batches.building import (
    build,
    clear,
    clear_discarded,
    note_progress,
    request_build,
    resume_lost,
    unfinished,
)
from app.services.batches.downloads import (
    DAYS,
    WRONG_CODES,
    download,
    download_by_link,
    is_here,
    links_of,
    make_link,
    open_link,
    revoke_link,
)
from app.services.batches.dry_runs import preview, preview_sheet
from app.services.batches.finding import (
    DELIVERED,
    KINDS,
    PAGE,
    by_number,
    campaigns_to_export,
    eligible,
    eligible_counts,
    find_item,
    page_of,
    recent,
    summary,
)
from app.services.batches.freezing import export, freeze, frozen_batch, frozen_rows
from app.services.batches.handover import discard, hand_over, supersede
from app.services.transitions import Actor

PRODUCER = Actor(Role.PRODUCER)
"""Who `flask export-batch` is."""

__all__ = [
    "DAYS", "DELIVERED", "KINDS", "PAGE", "PRODUCER", "WRONG_CODES", "build", "by_number", "campaigns_to_export",
    "clear", "clear_discarded", "discard", "download", "download_by_link", "eligible", "eligible_counts", "export",
    "find_item", "freeze", "frozen_batch", "frozen_rows", "hand_over", "is_here", "links_of", "make_link",
    "note_progress", "open_link", "page_of", "preview", "preview_sheet", "recent", "request_build", "resume_lost",
    "revoke_link", "summary", "supersede", "unfinished",
]  # fmt: skip
