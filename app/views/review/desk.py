"""The desk: what is offered, decided and undone. The script is always answered with panel, sentence and recent."""

from __future__ import annotations

import math
from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters.clock import now
from app.models import Decision
from app.rules.faults import Fault
from app.security import roles
from app.services.access import reach
from app.services.review import decisions, history, leases, review_queue
from app.services.review.decisions import Judgement, Seen
from app.services.review.rejections import Box, Told
from app.views import texts
from app.views.review.blueprint import REVIEWERS, bp, read_filters, tab
from app.views.review.panel import panel

SKIPPED = 40
"""So many skipped orders of one sitting are not offered again."""


def answer(order_id: int | None, sentence: str = "", status: int = 200, *, name: str = "", leased: bool = False) -> Any:
    """A panel with the person's recent decisions: a fragment for the script, a page for everybody else.

    How many remain is told with the fragments only: the page's script fetches the next one at once.
    """
    filters, fragment = read_filters(), bool(request.headers.get("HX-Request"))
    template = "review/_answer.html" if fragment else "review/desk.html"
    facts = {
        "filters": filters,
        "sentence": sentence,
        "recent": history.recent(current_user),
        "seconds_left": _seconds_left,
        "remaining": review_queue.count(current_user, filters) if fragment else None,
        **panel(order_id, name or tab(), leased=leased),
    }
    return render_template(template, **facts), status


def _seconds_left(decision: Decision) -> int:
    """Until the decision becomes visible and undo ends."""
    return max(0, math.ceil((decision.visible_from - now()).total_seconds()))


def _next() -> Any:
    skip = request.values.getlist("skip", type=int)[-SKIPPED:]
    return answer(review_queue.offer_next(current_user, read_filters(), skip, tab()), leased=True)


@bp.get("/desk")
@roles(*REVIEWERS)
def desk() -> Any:
    """The first order that is free, in a tab of its own."""
    name = tab()
    return answer(review_queue.offer_next(current_user, read_filters(), tab=name), name=name, leased=True)


@bp.get("/orders/<number>/desk")
@roles(*REVIEWERS)
def open_order(number: str) -> Any:
    """One order on the desk; leased when it waits and nobody else has it."""
    name = tab()
    order_id, mine = _offered(number, name)
    return answer(order_id, name=name, leased=mine)


def _offered(number: str, name: str, *, take_over: bool = False) -> tuple[int, bool]:
    """An order's id, and whether it is this tab's now."""
    found = reach.visible(current_user, number)
    order_id = found.id
    return order_id, leases.lease(order_id, current_user, name, take_over=take_over)


@bp.get("/ahead")
@roles(*REVIEWERS)
def ahead() -> Any:
    """The order after those that this tab shows or has skipped, leased to be ready behind the present one."""
    return _next()


@bp.get("/orders/<number>/panel")
@roles(*REVIEWERS)
def order_panel(number: str) -> Any:
    """One order's panel, to go back to it."""
    order_id, mine = _offered(number, tab())
    return answer(order_id, leased=mine)


@bp.post("/orders/<number>/take")
@roles(*REVIEWERS)
def take_over(number: str) -> Any:
    """Take an order over from whoever is offered it. The version still decides who wins."""
    order_id, mine = _offered(number, tab(), take_over=True)
    return answer(order_id, leased=mine)


@bp.post("/orders/<int:order_id>/decide")
@roles(*REVIEWERS)
def decide(order_id: int) -> Any:
    """Decide and answer with the next panel; a conflict answers 409 with a fresh panel and one sentence."""
    form = request.form
    seen = Seen(order_id, form.get("version", 0, type=int), form.get("photo", 0, type=int))
    try:
        decisions.decide(current_user, seen, _judgement())
    except Fault as fault:
        reach.within(current_user, order_id)
        return answer(order_id, texts.told(fault), fault.status)
    if not request.headers.get("HX-Request"):
        return redirect(url_for("review.desk", **read_filters().query()), 303)
    return _next()


def _judgement() -> Judgement:
    form = request.form
    told = Told(
        codes=form.getlist("reason"),
        values={name.removeprefix("value-"): text for name, text in form.items() if name.startswith("value-")},
        regions={
            name.removeprefix("region-"): _box(text)
            for name, text in form.items()
            if name.startswith("region-") and text
        },
    )
    return Judgement(form.get("outcome", ""), told, form.get("note", ""), form.get("ms", 0, type=int))


def _box(text: str) -> Box:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) < 10 for part in parts):
        return (-1, -1, 0, 0)  # refused as outside of the photo
    x, y, width, height = (int(part) for part in parts)
    return x, y, width, height


@bp.post("/decisions/<int:decision_id>/undo")
@roles(*REVIEWERS)
def undo(decision_id: int) -> Any:
    """Take a decision back and put the order on the desk again."""
    try:
        found = decisions.undo(current_user, decision_id)
    except Fault as fault:
        return answer(None, texts.told(fault), fault.status)
    order_id = found.id
    mine = leases.lease(order_id, current_user, tab(), take_over=True)
    return answer(order_id, _("已撤销，可以重新判断"), leased=mine)


@bp.post("/leases")
@roles(*REVIEWERS)
def renew() -> Any:
    """This tab lives. Answers which of its orders it has lost, and to whom."""
    ids = request.form.getlist("order", type=int)[:64]
    lost = leases.renew(ids, current_user, tab())
    by = leases.holders(list(lost))
    sentences = {
        order_id: _("%(name)s 已接手这张照片；以先提交的决定为准", name=by[order_id].name)
        for order_id in lost
        if order_id in by
    }
    return {"lost": sentences}


@bp.post("/leases/release")
@roles(*REVIEWERS)
def release() -> Any:
    """This tab closes."""
    leases.release(request.form.getlist("order", type=int)[:64], current_user, tab())
    return "", 204
