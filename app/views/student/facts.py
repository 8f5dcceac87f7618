"""What the templates of an order and its photo step are told."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import get_locale

from app.models import Event, Order, Photo
from app.rules.messages import APPEALABLE_NEVER, STAFF_ONLY
from app.rules.states import EDITABLE
from app.services import submissions
from app.services.schools import rosters
from app.views.ruler import overlay, rejection

DELAYS = (0.3, 0.3, 0.5, 1, 2, 4, 4, *(8,) * 12)
"""Seconds until 检测中 looks again, by how often it has looked; after two minutes the student has to refresh."""

LONG = 6
"""After so many looks the page says that there is a queue, and that nothing is lost."""


def delay(tick: int) -> float | None:
    """Seconds until the next look, or None when it is time to stop."""
    return DELAYS[tick] if tick < len(DELAYS) else None


def order_facts(found: Order) -> dict[str, Any]:
    """Everything that an order's page shows."""
    decision = submissions.decision_shown(found)
    rejected = submissions.rejected_photo(found)
    return {
        "decision": decision,
        "appealed": submissions.under_appeal(found),
        "tries": submissions.tries_left(found),
        "events": submissions.events_shown(found),
        "reasons_of": _reasons_of,
        "editable": submissions.state_shown(found) in EDITABLE,
        "refund": submissions.refund_of(found),
        "payment": submissions.payment_of(found),
        "review_by": submissions.review_by(found),
        "mismatch": mismatch(found),
        "changed": decision is not None and submissions.changed_since(found, decision),
        "rejected_drawing": rejection(rejected, decision.reasons) if rejected and decision else None,
        "rejected_picture": _picture_address(found, rejected) if rejected else "",
    }


def _reasons_of(event: Event) -> list[str]:
    """What a rejection in the history told, in the student's language."""
    english = get_locale().language == "en"
    return [reason.text_en if english else reason.text_zh for reason in submissions.reasons_of(event)]


def _picture_address(found: Order, photo: Photo) -> str:
    """Where the student sees the whole photo."""
    return url_for("student.picture", number=found.number, no=photo.no, kind="preview")


def mismatch(found: Order) -> str:
    """What the form and the school's roster disagree about, as a sentence, or nothing."""
    return rosters.mismatch(found.campaign_id, submissions.typed(found)) if found.form or found.typed else ""


def photo_facts(found: Order, tick: int) -> dict[str, Any]:
    """What the photo step shows; faults and warnings are numbered as they stand on the picture."""
    picture = found.photo
    checks = [c for c in (picture.checks if picture else []) if (c.code, c.fault) not in STAFF_ONLY]
    faults = [c for c in checks if c.verdict == "fail"]
    warnings = [c for c in checks if c.verdict == "warn"]
    return {
        "order": found,
        "photo": picture,
        "faults": faults,
        "warnings": warnings,
        "numbers": {c.code: number for number, c in enumerate(faults + warnings, start=1)},
        "can_ask": _can_ask(picture, {c.code for c in faults}),
        "ready": submissions.photo_ready(found),
        "tries": submissions.tries_left(found),
        "tick": tick,
        "long": tick > LONG,
        "delay": delay(tick),
        "drawing": overlay(picture) if picture and picture.settled and picture.width else None,
        "editable": submissions.state_shown(found) in EDITABLE,
    }


def _can_ask(picture: Photo | None, failed: set[str]) -> bool:
    """Whether 申请人工审核 is offered: not where nothing could be delivered."""
    return bool(failed) and not failed & APPEALABLE_NEVER and picture is not None and picture.rendition_key is not None
