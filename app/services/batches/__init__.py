"""Batches: freeze the list, build outside any transaction, finish; then hand over, acknowledge, recall, discard."""

from app.rules.states import Role
from app.services.batches.acknowledging import acknowledge, differences
from app.services.batches.building import (
    build,
    clear,
    clear_discarded,
    note_progress,
    request_build,
    resume_lost,
    unfinished,
)
from app.services.batches.copies import copies_of
from app.services.batches.dry_runs import preview, preview_sheet
from app.services.batches.files import download, downloads_of, is_here, open_file
from app.services.batches.finding import (
    DELIVERED,
    KINDS,
    PAGE,
    by_number,
    campaign,
    campaigns_to_export,
    eligible,
    eligible_counts,
    find_item,
    page_of,
    ready,
    recent,
    summary,
)
from app.services.batches.freezing import export, freeze, frozen_batch, frozen_rows
from app.services.batches.handover import discard, hand_over, supersede
from app.services.batches.links import (
    DAYS,
    TICKET_SECONDS,
    WRONG_CODES,
    download_by_link,
    links_of,
    make_link,
    make_ticket,
    open_link,
    open_ticket,
    revoke_link,
)
from app.services.batches.receiving import after, classes, delivered, delivered_to, recalled
from app.services.transitions import Actor

PRODUCER = Actor(Role.PRODUCER)
"""Who `flask export-batch` is."""

__all__ = [
    "DAYS", "DELIVERED", "KINDS", "PAGE", "PRODUCER", "TICKET_SECONDS", "WRONG_CODES", "acknowledge", "after", "build",
    "by_number", "campaign", "campaigns_to_export", "classes", "clear", "clear_discarded", "copies_of", "delivered",
    "delivered_to", "differences", "discard", "download", "download_by_link", "downloads_of", "eligible",
    "eligible_counts", "export", "find_item", "freeze", "frozen_batch", "frozen_rows", "hand_over", "is_here",
    "links_of", "make_link", "make_ticket", "note_progress", "open_file", "open_link", "open_ticket", "page_of",
    "preview", "preview_sheet", "ready", "recalled", "recent", "request_build", "resume_lost", "revoke_link",
    "summary", "supersede", "unfinished",
]  # fmt: skip
