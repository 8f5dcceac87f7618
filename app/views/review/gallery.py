"""Approve all green: a gallery of passed photos."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.adapters.clock import now
from app.rules.faults import Invalid, NotFound, StaleOrder
from app.security import roles
from app.services.review import galleries, queue_lists
from app.services.review.decisions import Seen
from app.services.review.queue_filters import Filters
from app.views import staff_pictures
from app.views.review.blueprint import REVIEWERS, bp, read_filters, tab

LEAST, USUAL, MOST = 12, 24, 40
CONFIRM_ABOVE = 15
"""Approving more photos than this at once asks for the number to be typed."""
LIFE = 1800
"""Seconds that a rendered gallery may be posted."""


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="gallery")


@bp.get("/gallery")
@roles(*REVIEWERS)
def gallery() -> Any:
    """Photos that may be approved together, leased to this tab; what was rendered, to whom and when is signed."""
    filters, name = Filters(**(asdict(read_filters()) | {"verdict": "passed", "kind": ""})), tab()
    size = min(MOST, max(LEAST, request.args.get("size", USUAL, type=int)))
    orders = queue_lists.green(current_user, filters, size, name)
    seen = [[order.id, order.version, order.photo_id] for order in orders]
    token = _serializer().dumps({"staff": current_user.id, "at": now().timestamp(), "seen": seen})
    return render_template(
        "review/gallery.html",
        filters=filters,
        orders=orders,
        token=token,
        tab=name,
        size=size,
        sizes=(LEAST, USUAL, MOST),
        confirm_above=CONFIRM_ABOVE,
        address=staff_pictures.address,
    )


@bp.post("/gallery")
@roles(*REVIEWERS)
def approve_gallery() -> Any:
    """Approve what this person was shown, except what was taken out."""
    try:
        kept = _serializer().loads(request.form.get("token", ""), max_age=LIFE)
    except BadSignature:
        raise StaleOrder(_("这一页已过期，请重新打开批量通过")) from None
    if kept["staff"] != current_user.id:
        raise NotFound
    seen = [Seen(*row) for row in kept["seen"]]
    out = set(request.form.getlist("out", type=int))
    number = sum(one.order_id not in out for one in seen)
    if number > CONFIRM_ABOVE and request.form.get("typed", "").strip() != str(number):
        raise Invalid(_("请输入要通过的张数 %(n)s 以确认", n=number))
    done = galleries.approve(current_user, seen, out, datetime.fromtimestamp(kept["at"], UTC))
    return render_template("review/gallery_done.html", done=done, out=len(out), filters=read_filters())


@bp.post("/gallery/undo")
@roles(*REVIEWERS)
def undo_gallery() -> Any:
    """Take the whole set back."""
    ids = request.form.getlist("decision", type=int)[:MOST]
    done = galleries.undo(current_user, ids)
    if done < len(ids):
        flash(_("已撤销 %(n)s 张；%(late)s 张已对学生可见或已变化，不能撤销", n=done, late=len(ids) - done))
    else:
        flash(_("已撤销 %(n)s 张", n=done))
    return redirect(url_for("review.gallery", **read_filters().query()), 303)
