"""The blueprint, who may enter, and the filters that stand in every address of the console."""

from __future__ import annotations

import secrets

from flask import Blueprint, request

from app.rules.states import Role
from app.services.review.queue_filters import Filters

bp = Blueprint("review", __name__, url_prefix="/review")

REVIEWERS = (Role.REVIEWER, Role.LEAD)
READERS = (Role.REVIEWER, Role.LEAD, Role.PRODUCER, Role.SCHOOL, Role.FINANCE, Role.ADMIN)


def read_filters() -> Filters:
    """The filters of this request, from its address only: a rejection's form has reasons of its own."""
    args = request.args
    return Filters(
        school=args.get("school", type=int) or None,
        campaign=args.get("campaign", type=int) or None,
        verdict=args.get("verdict", ""),
        check=args.get("check", ""),
        reason=args.get("reason", ""),
        kind=args.get("kind", ""),
        sort=args.get("sort", ""),
    )


def tab() -> str:
    """Which of this person's tabs asks; a new one gets a name."""
    return request.values.get("tab", "")[:32] or secrets.token_urlsafe(9)
