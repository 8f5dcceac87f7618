"""Statistics to look at."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from app.rules.states import Role
from app.security import roles
from app.services import reasons, statistics
from app.views.review.blueprint import bp


@bp.get("/figures")
@roles(Role.REVIEWER, Role.LEAD, Role.ADMIN)
def figures() -> Any:
    days = min(90, max(1, request.args.get("days", 7, type=int)))
    labels = {reason.code: reason.label for reason in reasons.everything()}
    return render_template("review/figures.html", figures=statistics.figures(days), days=days, labels=labels)
