"""The blueprint, and what every step of an order needs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, url_for
from flask_login import current_user

from app.models import Order
from app.rules.faults import Fault, StaleOrder
from app.rules.states import EDITABLE, TRANSITIONS, Action
from app.services import submissions
from app.views import texts

bp = Blueprint("student", __name__)


def own_order(number: str) -> Order:
    return submissions.owned(current_user.id, number)


def order_to_edit(number: str) -> Order:
    """The student's own order while it can be changed; else they are sent to where they see how it stands."""
    found = own_order(number)
    if submissions.state_shown(found) not in EDITABLE:
        abort(to_order(number))
    return found


def moved_on(number: str, fault: Fault, *actions: Action) -> Any:
    """The order is not as the page showed it: a second tap, another tab, the browser's back button.

    To where it stands now; nothing is said when that is where these actions lead. Raises `fault` where its sentence
    tells more.
    """
    targets = {state for row in TRANSITIONS if row.action in actions for state in row.targets}
    if submissions.state_shown(own_order(number)) not in targets:
        if not isinstance(fault, StaleOrder):
            raise fault
        flash(texts.told(fault), "caution")
    return to_order(number)


def to_order(number: str) -> Any:
    """Away from a step that can no longer be changed, to where the student sees how it stands."""
    return redirect(url_for("student.order", number=number), 303)
