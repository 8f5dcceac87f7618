"""Everything the desk draws for one order, in about a dozen queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_login import current_user

from app.models import Decision, Form, Order, Photo, Reason, RosterEntry
from app.rules.fields import FIELDS
from app.rules.messages import APPEALABLE_NEVER
from app.rules.states import Action, OrderState, allowed
from app.services import queue_place
from app.services.review import decisions, history, leases, reasons, rejections, review_queue
from app.services.review.remedies import remedies
from app.views import staff_pictures, texts
from app.views.pictures import SHOWN_BY_BROWSERS
from app.views.ruler import overlay

ORDER_OF_VERDICTS = {"fail": 0, "warn": 1, "pass": 2, "skipped": 3}
ON_ROSTER = ("name", "college", "class_name")
NOT_ON_DESK = ("school_name", "email")


def panel(order_id: int | None, tab: str = "", *, leased: bool = False) -> dict[str, Any]:
    """What the panel's template needs; without an order only what an empty desk needs.

    `leased`: this tab was offered the order just now, so nobody has to be asked who holds it.
    """
    facts: dict[str, Any] = {"order": None, "tab": tab, "address": staff_pictures.address, "mimes": SHOWN_BY_BROWSERS}
    found = review_queue.whole(order_id) if order_id is not None else None
    if found is None:
        return facts
    order, entry = found
    photo, known = order.photo, reasons.everything()
    offered = [reason for reason in known if reason.active]
    exempt = {row.code for row in order.exemptions}
    checks = sorted(photo.checks if photo else [], key=lambda check: ORDER_OF_VERDICTS[check.verdict])
    holder = None if leased else leases.holders([order.id]).get(order.id)
    may = allowed(OrderState(order.state), current_user.roles)
    bad = [check for check in checks if check.verdict in ("fail", "warn") and check.code not in exempt]
    return (
        facts
        | {
            "order": order,
            "photo": photo,
            "checks": [check for check in checks if check.verdict != "skipped"],
            "numbers": {check.code: no for no, check in enumerate((c for c in checks if c.verdict != "pass"), start=1)},
            "fine": [check for check in checks if check.verdict == "pass"],
            "exempt": exempt,
            "exemptable": exemptable,
            "form": order.form,
            "rows": _rows(order.form, entry),
            "reason_label": texts.reason_names(known).get,
            "reasons": [_offer(reason, photo) for reason in offered],
            "suggested": reasons.suggested(offered, {check.code for check in bad if check.verdict == "fail"}),
            "drawing": overlay(photo) if photo and photo.settled and photo.width else None,
            "holder": holder,
            "mine": leased or (holder is not None and (holder.staff_id, holder.tab) == (current_user.id, tab)),
            "may_decide": bool({Action.APPROVE, Action.REJECT} & may) and photo is not None,
            "may_recall": Action.RECALL in may,
        }
        | _before(order, offered)
    )


def exemptable(code: str) -> bool:
    """Whether a lead may switch this check off on an order."""
    return code not in APPEALABLE_NEVER and code not in ("duplicate", "machine")


def _offer(reason: Reason, photo: Photo | None) -> tuple[Reason, bool, str]:
    """A reason, whether it has a placeholder to fill, and the measured value that fills it."""
    asks = "{value}" in reason.text_zh + reason.text_en
    check = rejections.worst(reason, photo.checks) if photo and asks else None
    return reason, asks, rejections.measured(check)


def _rows(form: Form | None, entry: RosterEntry | None) -> list[tuple[Any, str, RosterEntry | None, str]]:
    """Field, what the form says, and what the roster says of it (empty where it says nothing)."""
    if form is None:
        return []
    listed = {name: getattr(entry, name) for name in ON_ROSTER} if entry else {}
    return [
        (field, getattr(form, field.name), entry, listed.get(field.name, ""))
        for field in FIELDS
        if field.name not in NOT_ON_DESK
    ]


def _before(order: Order, offered: Sequence[Reason]) -> dict[str, Any]:
    """What was decided before, and against it what is new: the old photo, the old form, what was fixed."""
    decided = history.of_order(order.id)
    last = decided[0] if decided else None
    facts: dict[str, Any] = {"history": decided, "last": last, "old_photo": None, "old_form": None, "remedies": []}
    if last is None:
        return facts
    if last.photo_id == order.photo_id and _moved_since(order, last):
        came = queue_place.came_by(order)
        facts["recalled"] = came if came is not None and came.action == Action.RECALL.value else None
    old = next((photo for photo in order.photos if photo.id == last.photo_id), None)
    old_form = last.form
    facts["old_photo"] = old if old is not None and old.id != order.photo_id else None
    facts["old_form"] = old_form if last.form_id != order.form_id else None
    if last.outcome == decisions.REJECTED and old is not None and _moved_since(order, last):
        facts["remedies"] = remedies(order, last, old, old_form, offered)
    return facts


def _moved_since(order: Order, last: Decision) -> bool:
    return OrderState(order.state) is OrderState.PENDING_REVIEW and last.appealed_at is None
