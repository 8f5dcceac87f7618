"""The blueprint, and what every step of an order needs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, url_for
from flask_login import current_user

from app.models import Order
from app.rules.states import EDITABLE
from app.services import submissions

bp = Blueprint("student", __name__)


def own_order(number: str) -> Order:
    return submissions.owned(current_user.id, number)


def order_to_edit(number: str) -> Order:
    """The student's own order while it can be changed; else they are sent to where they see how it stands."""
    found = own_order(number)
    if submissions.state_shown(found) not in EDITABLE:
        abort(to_order(number))
    return found


def to_order(number: str) -> Any:
    """Away from a step that can no longer be changed, to where the student sees how it stands."""
    return redirect(url_for("student.order", number=number), 303)
