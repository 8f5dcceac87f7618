"""Paying: the student's pay page, WeChat's callback, the receipt."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_login import current_user

from app.extensions import csrf
from app.models import Order, Payment
from app.rules.faults import ActionNotAllowed, NotFound
from app.rules.states import OrderState
from app.security import public, student_only
from app.services import payments, submissions
from app.views.sign_in import inside_wechat, qr_svg

bp = Blueprint("pay", __name__)

POLLS = 30
"""The page asks every two seconds for a minute; then it asks the student to look again later."""


def _order(number: str) -> Order:
    return submissions.owned(current_user.id, number)


@bp.get("/orders/<number>/pay")
@student_only
def start(number: str) -> Any:
    order = _order(number)
    if OrderState(order.state) is not OrderState.PENDING_PAYMENT:
        return redirect(url_for("student.order", number=number), 303)
    return render_template("pay/start.html", order=order)


@bp.post("/orders/<number>/pay")
@student_only
def go(number: str) -> Any:
    order = _order(number)
    method = "jsapi" if inside_wechat() else "native"
    payment = payments.start(order.id, method)
    return render_template("pay/pay.html", order=_order(number), **_way(payment, number))


def _way(payment: Payment, number: str) -> dict[str, Any]:
    simulator = current_app.config["SIMULATOR_URL"]
    back = current_app.config["PUBLIC_URL"] + url_for("pay.returned", number=number)
    way: dict[str, Any] = {
        "payment": payment,
        "tick": 0,
        "cashier": f"{simulator}/cashier/{payment.out_trade_no}?back={back}" if simulator else None,
    }
    if payment.method == "jsapi":
        way["parameters"] = payments.jsapi_parameters(payment)
    else:
        way["qr"] = qr_svg(payment.handle or "")
    return way


@bp.get("/orders/<number>/pay/back")
@student_only
def returned(number: str) -> Any:
    """The student comes back from paying: what the front end says is a hint only, so WeChat is asked."""
    paid = payments.ask(_order(number).id)
    if not paid:
        return redirect(url_for("student.order", number=number), 303)
    return render_template("pay/paid.html", order=_order(number))


@bp.get("/orders/<number>/pay/status")
@student_only
def status(number: str) -> Any:
    order, tick = _order(number), request.args.get("tick", 0, type=int) + 1
    paid = payments.is_paid(order.id) or (tick % 3 == 0 and payments.ask(order.id))
    if paid:
        return "", 200, {"HX-Redirect": url_for("pay.returned", number=number)}
    return render_template("pay/_status.html", order=order, tick=tick, last=tick >= POLLS)


@bp.get("/orders/<number>/receipt")
@student_only
def receipt(number: str) -> Any:
    order = _order(number)
    payment = submissions.payment_of(order)
    if payment is None:
        raise NotFound
    return render_template("pay/receipt.html", order=order, payment=payment, refund=submissions.refund_of(order))


@bp.post("/wechatpay/notify")
@public
@csrf.exempt
def notify() -> Any:
    if request.content_length is None or request.content_length > 64 * 1024:
        raise ActionNotAllowed
    code = payments.take_notice(request.headers, request.get_data())
    return ("", 204) if code == 204 else ({"code": "FAIL", "message": "not accepted"}, code)
