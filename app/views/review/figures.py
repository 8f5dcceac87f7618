"""Statistics to look at."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask_login import current_user

from app.adapters.clock import beijing
from app.rules.states import Role
from app.security import roles
from app.services.review import periods, reasons, statistics
from app.services.review.tallies import Scope
from app.services.schools import schools
from app.views import texts
from app.views.review.blueprint import bp

PERIODS = (1, 7, 30, 90)
VIEWERS = (Role.REVIEWER, Role.LEAD, Role.ADMIN)


def _scope() -> Scope:
    """The filters of the address, within this person's own schools."""
    own = current_user.school_ids
    wanted = request.args.get("school", type=int)
    within = frozenset({wanted}) if wanted and (not own or wanted in own) else own
    return Scope(within, request.args.get("campaign", type=int) or None)


def _period() -> int:
    days = request.args.get("days", 1, type=int)
    return days if days in PERIODS else PERIODS[0]


@bp.get("/figures")
@roles(*VIEWERS)
def figures() -> Any:
    """Everything in a period; who handled how fast is for the lead only."""
    scope, days = _scope(), _period()
    live = statistics.live(scope)
    found = periods.period(scope, days, live.waiting)
    mine, campaigns = schools.choices(current_user)
    pattern = "%H" if days == 1 else "%m-%d"
    return render_template(
        "review/figures.html",
        scope=scope,
        days=days,
        periods=PERIODS,
        live=live,
        buckets=[(f"{beijing(bucket.start):{pattern}}", bucket) for bucket in found.buckets],
        by_school=statistics.by_school(found),
        by_reason=statistics.by_reason(found),
        outcomes=statistics.outcomes(scope, found),
        waited=statistics.middle(statistics.waiting_times(scope, found.since)),
        reviewers=statistics.reviewers(found) if Role.LEAD in current_user.roles else None,
        labels=texts.reason_names(reasons.everything()),
        schools=mine,
        campaigns=campaigns,
    )


@bp.get("/figures/live")
@roles(*VIEWERS)
def live_figures() -> Any:
    """The row of live figures alone; the page fetches it again while somebody looks."""
    return render_template("review/_live.html", live=statistics.live(_scope()))
