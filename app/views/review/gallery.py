"""Approve all green: a gallery of passed photos."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.rules.faults import Invalid, NotFound, StaleOrder
from app.security import roles
from app.services import decisions, review_queue
from app.services.decisions import Seen
from app.services.review_queue import Filters
from app.views import staff_pictures
from app.views.review.blueprint import REVIEWERS, bp, read_filters

GALLERY = 24
CONFIRM_ABOVE = 15
"""Approving more photos than this at once asks for the number to be typed."""


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="gallery")


@bp.get("/gallery")
@roles(*REVIEWERS)
def gallery() -> Any:
    filters = Filters(**(asdict(read_filters()) | {"verdict": "passed"}))
    size = min(40, max(12, request.args.get("size", GALLERY, type=int)))
    orders = [order for order in review_queue.page(current_user, filters, size) if not review_queue.holder(order.id)]
    seen = [[order.id, order.version, order.photo_id] for order in orders]
    token = _serializer().dumps({"staff": current_user.id, "seen": seen})
    return render_template(
        "review/gallery.html",
        filters=filters,
        orders=orders,
        token=token,
        confirm=len(orders) > CONFIRM_ABOVE,
        total=review_queue.count(current_user, filters),
        address=staff_pictures.address,
    )


@bp.post("/gallery")
@roles(*REVIEWERS)
def approve_gallery() -> Any:
    """Approve what this person was shown, except what was taken out."""
    try:
        kept = _serializer().loads(request.form.get("token", ""), max_age=1800)
    except BadSignature:
        raise StaleOrder from None
    if kept["staff"] != current_user.id:
        raise NotFound
    seen = [Seen(*row) for row in kept["seen"]]
    out = {int(value) for value in request.form.getlist("out") if value.isdigit()}
    number = sum(one.order_id not in out for one in seen)
    if number > CONFIRM_ABOVE and request.form.get("typed", "").strip() != str(number):
        raise Invalid(_("请输入要通过的张数 %(n)s 以确认", n=number))
    made, sample, moved = decisions.approve_gallery(current_user, seen, out)
    flash(_("已通过 %(n)s 张，抽检保留 %(s)s 张，已变化 %(m)s 张", n=len(made), s=sample, m=moved))
    ids = json.dumps([decision.id for decision in made])
    return render_template("review/gallery_done.html", made=made, ids=ids, filters=read_filters())


@bp.post("/gallery/undo")
@roles(*REVIEWERS)
def undo_gallery() -> Any:
    ids = [int(value) for value in json.loads(request.form.get("ids", "[]"))]
    flash(_("已撤销 %(n)s 张", n=decisions.undo_all(current_user, ids)))
    return redirect(url_for("review.queue"), 303)
