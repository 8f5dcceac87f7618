"""Confirm, submit, and WeChat's question whether we may send a notice."""

from __future__ import annotations

import secrets
from typing import Any

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters import wechat_messages
from app.models import Order
from app.rules.faults import ActionNotAllowed, StaleOrder
from app.rules.fields import FIELDS
from app.rules.states import Action, OrderState
from app.security import student_only
from app.services import notice_channels, submissions
from app.views.sign_in import inside_wechat
from app.views.student.blueprint import bp, moved_on, order_to_edit, own_order, to_order
from app.views.student.facts import order_facts


@bp.get("/orders/<number>/confirm")
@student_only
def confirm(number: str) -> Any:
    found = order_to_edit(number)
    wanting = submissions.missing(found)
    if wanting:
        flash(_(wanting[0]), "caution")
        return redirect(url_for("student.step", number=number), 303)
    ask = inside_wechat() and wechat_messages.ready()
    return render_template("student/confirm.html", order=found, fields=FIELDS, ask_notices=ask, **order_facts(found))


@bp.post("/orders/<number>/submit")
@student_only
def submit(number: str) -> Any:
    version = request.form.get("version", 0, type=int)
    try:
        if OrderState(own_order(number).state) is OrderState.DRAFT:
            submissions.submit(current_user.id, number, version)
            flash(_("照片提交成功"))
        else:
            submissions.resubmit(current_user.id, number, version)
            flash(_("照片已重新提交，无需再次支付"))
    except (StaleOrder, ActionNotAllowed) as fault:
        return moved_on(number, fault, Action.SUBMIT, Action.RESUBMIT)
    if request.form.get("notices") and inside_wechat() and wechat_messages.ready():
        return _to_notices(own_order(number))
    return to_order(number)


def _to_notices(found: Order) -> Any:
    """To WeChat's own question whether one message may be sent; the answer must bring back our token, once."""
    scene, token = notice_channels.next_scene(found), secrets.token_hex(8)
    session["notices"] = [found.number, scene, token]
    back = current_app.config["PUBLIC_URL"] + url_for("student.notices_answered", number=found.number)
    return redirect(wechat_messages.ask_url(scene, back, token), 303)


@bp.get("/orders/<number>/notices")
@student_only
def notices_answered(number: str) -> Any:
    """Back from WeChat; only its 允许 counts."""
    found, asked = own_order(number), session.pop("notices", None)
    answer = [number, request.args.get("scene", type=int), request.args.get("reserved", "")]
    if asked == answer and request.args.get("action") == "confirm" and notice_channels.consented(found.id, answer[1]):
        flash(_("审核结果将通过微信通知您一次"))
    return to_order(number)
