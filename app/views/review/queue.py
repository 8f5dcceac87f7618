"""The list of what waits."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_login import current_user

from app.rules.messages import LABELS
from app.security import roles
from app.services.review import queue_lists, reasons, review_queue
from app.services.review.queue_filters import KINDS, SORTS
from app.services.schools import schools
from app.views import staff_pictures
from app.views.review.blueprint import REVIEWERS, bp, read_filters


@bp.get("/")
@roles(*REVIEWERS)
def queue() -> Any:
    """The first waiting orders as the filters say, and who is offered which."""
    filters = read_filters()
    mine, campaigns = schools.choices(current_user)
    return render_template(
        "review/queue.html",
        filters=filters,
        orders=queue_lists.page(current_user, filters),
        total=review_queue.count(current_user, filters),
        schools=mine,
        campaigns=campaigns,
        reasons=reasons.everything(),
        checks=LABELS,
        kinds=KINDS,
        sorts=SORTS,
        address=staff_pictures.address,
    )
