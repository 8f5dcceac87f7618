"""A student's orders: begin one, follow it, act on it."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.rules.faults import ActionNotAllowed, StaleOrder
from app.rules.states import Action
from app.security import student_only
from app.services import submissions
from app.services.students import consents
from app.views.student.blueprint import bp, moved_on, order_to_edit, own_order
from app.views.student.facts import order_facts


@bp.post("/start")
@student_only
def start() -> Any:
    campaign = submissions.campaign_by_id(request.form.get("campaign", type=int))
    if not consents.complete(current_user.id):
        return redirect(url_for("site.privacy", next=url_for("site.home")), 303)
    session["campaign"] = campaign.code
    return redirect(url_for("student.step", number=submissions.start(current_user.id, campaign.id).number), 303)


@bp.get("/orders")
@student_only
def orders() -> Any:
    rows = [(order, submissions.state_shown(order)) for order in submissions.account_orders(current_user.id)]
    wanted = request.args.get("state", "")
    shown = [row for row in rows if not wanted or row[1] == wanted]
    return render_template("student/orders.html", rows=shown, states=sorted({s for _o, s in rows}), wanted=wanted)


@bp.get("/orders/<number>")
@student_only
def order(number: str) -> Any:
    found = own_order(number)
    shown = submissions.state_shown(found)
    return render_template("student/order.html", order=found, shown=shown, tick=0, **order_facts(found))


@bp.get("/orders/<number>/state")
@student_only
def state(number: str) -> Any:
    """The state alone; once it is another than the page shows, the whole page is fetched again and this ends."""
    found, tick = own_order(number), request.args.get("tick", 0, type=int)
    shown = submissions.state_shown(found)
    if request.args.get("was", shown.value) != shown:
        return "", 200, {"HX-Refresh": "true"}
    return render_template("student/_state.html", order=found, shown=shown, tick=tick)


@bp.get("/orders/<number>/step")
@student_only
def step(number: str) -> Any:
    """The first step that is not done."""
    found = order_to_edit(number)
    if not consents.complete(current_user.id):
        return redirect(url_for("site.privacy", next=request.path), 303)
    code = found.code
    if not found.code_unreadable and (code is None or (code.read_at is not None and code.payload is None)):
        return redirect(url_for("student.code", number=number), 303)
    if found.form is None:
        return redirect(url_for("student.form", number=number), 303)
    return redirect(url_for("student.photo", number=number), 303)


ACTIONS = {
    "withdraw": submissions.withdraw,
    "discard": submissions.discard,
    "edit": submissions.edit,
    "cancel": submissions.cancel,
    "appeal": submissions.appeal,
}


@bp.post("/orders/<number>/<any(withdraw, discard, edit, cancel, appeal):action>")
@student_only
def act(number: str, action: str) -> Any:
    try:
        done = ACTIONS[action](current_user.id, number, request.form.get("version", 0, type=int))
    except (StaleOrder, ActionNotAllowed) as fault:
        return moved_on(number, fault, Action(action))
    if done is False:
        flash(_("该订单刚刚已支付成功，没有取消"), "caution")
    if action == "edit" and done:
        return redirect(url_for("student.step", number=number), 303)
    return redirect(url_for("student.order", number=number), 303)
