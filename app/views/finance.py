"""Finance: payments, refunds, each order's money story, reconciliation."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters.clock import beijing, now
from app.adapters.wechatpay import PayError
from app.extensions import db
from app.models import BillDifference, NotifyLog, Order, Payment, Refund
from app.rules.faults import Invalid
from app.rules.states import Role
from app.security import roles
from app.services import reconciliation, refunds, staff_search
from app.services.transitions import Actor

bp = Blueprint("finance", __name__, url_prefix="/finance")

FINANCE = (Role.FINANCE, Role.ADMIN)


def _actor() -> Actor:
    return Actor(Role.FINANCE if Role.FINANCE in current_user.roles else Role.ADMIN, current_user.id)


@bp.get("/")
@roles(*FINANCE)
def index() -> Any:
    wanted = request.args.get("state", "")
    query = db.session.query(Payment, Order).join(Order, Order.id == Payment.order_id).order_by(Payment.id.desc())
    if wanted in ("open", "closed", "paid"):
        query = query.filter(Payment.state == wanted)
    open_refunds = db.session.query(Refund).filter(Refund.state != "succeeded").order_by(Refund.id.desc()).limit(100)
    return render_template("finance/index.html", rows=query.limit(200).all(), refunds=open_refunds.all(), wanted=wanted)


@bp.get("/orders/<number>")
@roles(*FINANCE)
def order(number: str) -> Any:
    found = staff_search.visible(current_user, number)
    payments = db.session.query(Payment).filter_by(order_id=found.id).order_by(Payment.id).all()
    numbers = [payment.out_trade_no for payment in payments]
    log = db.session.query(NotifyLog).filter(NotifyLog.out_trade_no.in_(numbers)).order_by(NotifyLog.id).all()
    return render_template("finance/order.html", order=found, payments=payments, log=log)


@bp.post("/orders/<number>/refund")
@roles(*FINANCE)
def refund(number: str) -> Any:
    found = staff_search.visible(current_user, number)
    refunds.by_finance(found.id, _actor(), request.form.get("cause", ""))
    flash(_("退款已受理"))
    return redirect(url_for("finance.order", number=number), 303)


@bp.post("/refunds/<int:refund_id>/retry")
@roles(*FINANCE)
def retry(refund_id: int) -> Any:
    refunds.retry(refund_id, _actor())
    return redirect(url_for("finance.index"), 303)


def _day() -> date:
    try:
        return date.fromisoformat(request.values.get("day", ""))
    except ValueError:
        return beijing(now()).date() - timedelta(days=1)


@bp.get("/reconciliation")
@roles(*FINANCE)
def reconcile() -> Any:
    rows = db.session.query(BillDifference).order_by(BillDifference.day.desc(), BillDifference.id).limit(500).all()
    return render_template("finance/reconciliation.html", rows=rows, day=_day())


@bp.post("/reconciliation")
@roles(*FINANCE)
def compare() -> Any:
    try:
        count = reconciliation.compare(_day())
    except PayError as error:
        raise Invalid(_("微信支付没有提供这一天的账单：%(code)s", code=error.code)) from None
    flash(_("对账完成，%(n)s 处差异", n=count))
    return redirect(url_for("finance.reconcile", day=_day().isoformat()), 303)


@bp.get("/reconciliation.csv")
@roles(*FINANCE)
def differences() -> Response:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["day", "kind", "number", "ours_fen", "theirs_fen"])
    for row in db.session.query(BillDifference).order_by(BillDifference.day, BillDifference.id):
        writer.writerow([row.day, row.kind, row.out_trade_no, row.ours_fen, row.theirs_fen])
    headers = {"Content-Disposition": "attachment; filename=differences.csv"}
    return Response("\ufeff" + file.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
