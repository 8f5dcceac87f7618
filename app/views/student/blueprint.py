"""The blueprint, and what every step of an order needs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, url_for
from flask_login import current_user

from app.models import Order
from app.rules.states import EDITABLE
from app.services import submissions

bp = Blueprint("student", __name__)


def own_order(number: str) -> Order:
    return submissions.owned(current_user.id, number)


def editable(found: Order) -> bool:
    return submissions.state_shown(found) in EDITABLE


def to_order(number: str) -> Any:
    """Away from a step that can no longer be changed, to where the student sees how it stands."""
    return redirect(url_for("student.order", number=number), 303)
