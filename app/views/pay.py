"""Paying: the student's pay page, WeChat's callback, the receipt."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from app.adapters.clock import now
from app.extensions import csrf
from app.models import Order, Payment
from app.rules.faults import NotFound
from app.rules.states import OrderState
from app.security import public, student_only
from app.services import submissions
from app.services.money import payments, settlement
from app.services.unit import only_busy
from app.views.sign_in import inside_wechat, qr_svg

bp = Blueprint("pay", __name__)

POLLS = 30
"""The page asks every two seconds for a minute; then it asks the student to look again later."""

CALLBACK_BYTES = 64 * 1024
"""More than any callback of WeChat Pay has."""


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
    if OrderState(order.state) is not OrderState.PENDING_PAYMENT:  # a second tap, or the browser's back button
        return redirect(url_for("student.order", number=number), 303)
    try:
        payments.start(order.id, "jsapi" if inside_wechat() else "native")
    except payments.PaidMeanwhile:
        return redirect(url_for("student.order", number=number), 303)
    return redirect(url_for("pay.wait", number=number), 303)


@bp.get("/orders/<number>/pay/wait")
@student_only
def wait(number: str) -> Any:
    """The open payment with its QR code or its button; looking at it opens nothing new."""
    order = _order(number)
    payment = payments.open_payment(order.id)
    if payment is None or payment.handle is None or (payment.handle_expires_at or now()) <= now():
        return redirect(url_for("pay.start", number=number), 303)
    return render_template("pay/pay.html", order=order, **_way(payment, number))


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
    if payments.ask(_order(number).id):
        return render_template("pay/paid.html", order=_order(number))
    if OrderState(_order(number).state) is OrderState.PENDING_PAYMENT:
        flash(_("还没有收到支付结果。如果您已付款，请稍后再查看，不要重复支付。"), "caution")
    return redirect(url_for("student.order", number=number), 303)


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
    refund = payment.refunds[-1] if payment.refunds else None
    return render_template("pay/receipt.html", order=order, payment=payment, refund=refund)


def _status(error: Exception) -> int:
    if isinstance(error, OperationalError) and only_busy(error):
        return 503
    return (error.code if isinstance(error, HTTPException) else None) or 500


@bp.post("/wechatpay/notify")
@public
@csrf.exempt
def notify() -> Any:
    """WeChat's callback. Whatever goes wrong answers FAIL in WeChat's own words, so that it comes again."""
    request.max_content_length = CALLBACK_BYTES
    try:
        code = settlement.take_callback(request.headers, request.get_data())
    except Exception as error:
        code = _status(error)
        current_app.logger.error("pay_callback_failed error=%s", type(error).__name__, exc_info=code == 500)
    return ("", 204) if code == 204 else ({"code": "FAIL", "message": "not accepted"}, code)
