"""The desk: what is offered, decided, undone; leases."""

from __future__ import annotations

from typing import Any

from flask import render_template, request
from flask_babel import gettext as _
from flask_login import current_user

from app.extensions import db
from app.models import Order
from app.rules.faults import Fault, StaleOrder
from app.rules.states import OrderState
from app.security import roles
from app.services import decisions, review_queue, staff_search
from app.services.decisions import Judgement, Seen
from app.services.review_queue import Filters
from app.views.review.blueprint import REVIEWERS, bp, read_filters
from app.views.review.panel import panel


@bp.get("/desk")
@roles(*REVIEWERS)
def desk() -> Any:
    filters = read_filters()
    order = review_queue.offer_next(current_user, filters)
    return render_template("review/desk.html", filters=filters, **panel(order, filters))


@bp.get("/next")
@roles(*REVIEWERS)
def next_panel() -> Any:
    """Skip what is on the desk and show the next one."""
    filters, skip = read_filters(), request.args.get("skip", type=int)
    if skip:
        review_queue.release(skip, current_user)
    order = review_queue.offer_next(current_user, filters, [skip] if skip else [])
    return render_template("review/_panel.html", filters=filters, **panel(order, filters))


@bp.get("/orders/<number>/desk")
@roles(*REVIEWERS)
def open_order(number: str) -> Any:
    found, filters = staff_search.visible(current_user, number), read_filters()
    if OrderState(found.state) is OrderState.PENDING_REVIEW:
        review_queue.lease(found.id, current_user, take_over=request.args.get("take_over") == "1")
    found = staff_search.visible(current_user, number)
    return render_template("review/desk.html", filters=filters, **panel(found, filters))


@bp.post("/orders/<int:order_id>/decide")
@roles(*REVIEWERS)
def decide(order_id: int) -> Any:
    """Decide and answer with the next panel; a conflict answers 409 with a fresh panel and one sentence."""
    form, filters = request.form, read_filters()
    seen = Seen(order_id, form.get("version", 0, type=int), form.get("photo", 0, type=int))
    judgement = Judgement(
        outcome=form.get("outcome", ""),
        reasons=form.getlist("reason"),
        note=form.get("note", ""),
        ms=form.get("ms", 0, type=int),
        values={name.removeprefix("value-"): text for name, text in form.items() if name.startswith("value-")},
    )
    try:
        decisions.decide(current_user, seen, judgement)
    except StaleOrder as fault:
        fresh = db.session.get(Order, order_id)
        return _fragment(fresh, filters, _(fault.sentence)), 409
    except Fault as fault:
        return _fragment(db.session.get(Order, order_id), filters, _(fault.sentence, **fault.values)), 422
    return _fragment(review_queue.offer_next(current_user, filters), filters)


def _fragment(found: Order | None, filters: Filters, sentence: str = "") -> str:
    if not request.headers.get("HX-Request"):
        return render_template("review/desk.html", filters=filters, **panel(found, filters, sentence=sentence))
    return render_template("review/_panel.html", filters=filters, **panel(found, filters, sentence=sentence))


@bp.post("/decisions/<int:decision_id>/undo")
@roles(*REVIEWERS)
def undo(decision_id: int) -> Any:
    """Take a decision back and put the order on the desk again."""
    filters = read_filters()
    try:
        found = decisions.undo(current_user, decision_id)
    except Fault as fault:
        return _fragment(None, filters, _(fault.sentence)), 409
    review_queue.lease(found.id, current_user)
    return _fragment(db.session.get(Order, found.id), filters, _("已撤销，可以重新判断"))


@bp.post("/orders/<int:order_id>/lease")
@roles(*REVIEWERS)
def renew(order_id: int) -> Any:
    return ("", 204) if review_queue.lease(order_id, current_user) else ("", 409)


@bp.post("/orders/<int:order_id>/release")
@roles(*REVIEWERS)
def release(order_id: int) -> Any:
    review_queue.release(order_id, current_user)
    return "", 204
