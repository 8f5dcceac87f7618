"""Everything the desk draws for one order."""

from __future__ import annotations

from typing import Any

from flask_login import current_user

from app.extensions import db
from app.models import Decision, Exemption, Form, Order, Photo
from app.rules.fields import FIELDS
from app.rules.messages import APPEALABLE_NEVER, LABELS
from app.services import decisions, reasons, review_queue, rosters
from app.services.review_queue import Filters
from app.views import staff_pictures
from app.views.ruler import overlay

ORDER_OF_VERDICTS = {"fail": 0, "warn": 1, "skipped": 2, "pass": 3}


def panel(found: Order | None, filters: Filters, *, leased: bool = True, sentence: str = "") -> dict[str, Any]:
    """Everything the panel draws for one order, in about a dozen queries."""
    facts: dict[str, Any] = {
        "order": found,
        "recent": decisions.recent(current_user),
        "undoable": decisions.undoable,
        "remaining": review_queue.count(current_user, filters) if leased else None,
        "sentence": sentence,
        "address": staff_pictures.address,
    }
    if found is None:
        return facts
    photo = found.photo
    checks = sorted(photo.checks if photo else [], key=lambda check: ORDER_OF_VERDICTS[check.verdict])
    history = _history(found)
    old = history[0] if history else None
    holder = review_queue.holder(found.id)
    return facts | {
        "photo": photo,
        "checks": [check for check in checks if check.verdict != "skipped"],
        "form": found.form,
        "fields": FIELDS,
        "entry": rosters.entry(found.campaign_id, found.form.student_no) if found.form else None,
        "reasons": reasons.active(),
        "suggested": reasons.suggested(photo),
        "history": history,
        "old": old,
        "old_photo": db.session.get(Photo, old.photo_id) if old and old.photo_id != found.photo_id else None,
        "old_form": db.session.get(Form, old.form_id) if old and old.form_id != found.form_id else None,
        "fixed": _fixed(old, photo),
        "drawing": overlay(photo) if photo and photo.settled and photo.width else None,
        "exemptions": db.session.query(Exemption).filter_by(order_id=found.id).all(),
        "exemptable": [code for code in LABELS if code not in APPEALABLE_NEVER and code != "duplicate"],
        "holder": holder,
        "mine": holder is not None and holder.id == current_user.id,
        "upcoming": review_queue.peek(current_user, filters, [found.id]) if leased else None,
    }


def _history(found: Order) -> list[Decision]:
    return (
        db.session.query(Decision)
        .filter_by(order_id=found.id, undone_at=None)
        .order_by(Decision.id.desc())
        .limit(10)
        .all()
    )


def _fixed(old: Decision | None, photo: Photo | None) -> dict[str, bool | None]:
    """For each reason of the last rejection whether the machine sees it fixed; None where it cannot tell."""
    if old is None or photo is None:
        return {}
    now = {check.code: check.verdict for check in photo.checks}
    related: dict[str, list[str]] = {}
    for code, reason in reasons.RELATED.items():
        related.setdefault(reason, []).append(code)
    found: dict[str, bool | None] = {}
    for reason in old.reasons:
        verdicts = [now[code] for code in related.get(reason.code, []) if code in now and now[code] != "skipped"]
        found[reason.code] = all(verdict == "pass" for verdict in verdicts) if verdicts else None
    return found
