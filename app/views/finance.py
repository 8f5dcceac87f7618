"""Finance: payments, refunds, each order's money story, reconciliation with WeChat's bills."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters.clock import beijing, now
from app.models import BillDifference, Order, Payment
from app.rules import labels
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.states import Action, OrderState, Role, allowed
from app.rules.yuan import yuan
from app.security import roles
from app.services.access import reach
from app.services.money import differences, ledger, money_story, payments, reconciliation, refunds
from app.services.money.ledger import Wanted
from app.services.schools import schools
from app.services.transitions import Actor
from app.views import texts
from app.views.tables import stream_csv

bp = Blueprint("finance", __name__, url_prefix="/finance")

FINANCE = (Role.FINANCE, Role.ADMIN)


def _actor(*, role: Role | None = None) -> Actor:
    return Actor(role or (Role.FINANCE if Role.FINANCE in current_user.roles else Role.ADMIN), current_user.id)


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.values.get(name, ""))
    except ValueError:
        return None


def _wanted() -> Wanted:
    return Wanted(
        state=request.args.get("state", ""),
        text=request.args.get("text", "").strip()[:64],
        since=_day("since"),
        until=_day("until"),
        school_id=request.args.get("school", type=int),
    )


def _yuan(fen: int | None) -> str:
    return "" if fen is None else yuan(fen)


@bp.get("/")
@roles(*FINANCE)
def index() -> Any:
    wanted = _wanted()
    rows, after = ledger.payments_page(current_user, wanted, request.args.get("before", type=int))
    total = ledger.payments_total(current_user, wanted) if wanted != Wanted() else None
    return render_template("finance/index.html", rows=rows, after=after, total=total, **_filters(wanted))


def _filters(wanted: Wanted) -> dict[str, Any]:
    figures, (mine, _campaigns) = ledger.today(current_user), schools.choices(current_user)
    return {"figures": figures, "wanted": wanted, "schools": mine}


@bp.get("/payments.csv")
@roles(*FINANCE)
def payments_csv() -> Response:
    head = [
        _("订单号"),
        _("商户单号"),
        _("微信支付单号"),
        _("方式"),
        _("金额"),
        _("状态"),
        _("创建时间"),
        _("支付时间"),
    ]
    return stream_csv("payments", head, map(_payment_cells, ledger.payments_all(current_user, _wanted())))


def _payment_cells(row: Payment) -> Sequence[object]:
    label = _(labels.PAYMENT_LABELS[row.state])
    numbers = [row.order.number, row.out_trade_no, row.transaction_id or ""]
    return [*numbers, row.method, _yuan(row.amount_fen), label, _time(row.created_at), _time(row.paid_at)]


def _time(moment: datetime | None) -> str:
    return beijing(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


@bp.get("/refunds")
@roles(*FINANCE)
def refund_list() -> Any:
    wanted = _wanted()
    rows, after = ledger.refunds_page(current_user, wanted, request.args.get("before", type=int))
    return render_template("finance/refunds.html", rows=rows, after=after, **_filters(wanted))


@bp.post("/refunds/<int:refund_id>/retry")
@roles(*FINANCE)
def retry(refund_id: int) -> Any:
    refunds.retry(ledger.refund(current_user, refund_id).id, _actor())
    flash(_("已用同一退款单号重试"))
    return redirect(url_for("finance.refund_list", state="open"), 303)


@bp.get("/orders/<number>")
@roles(*FINANCE)
def order(number: str) -> Any:
    return _order(reach.visible(current_user, number), {})


def _order(found: Order, wrong: dict[str, str], status: int = 200) -> Any:
    can = allowed(OrderState(found.state), current_user.roles)
    held = ledger.paid(found.id)
    may = {"refund": Action.REFUND in can and held is not None, "waive": Action.WAIVE in can}
    story = money_story.tell(found)
    return render_template("finance/order.html", order=found, story=story, may=may, wrong=wrong), status


@bp.post("/orders/<number>/refund")
@roles(*FINANCE)
def refund(number: str) -> Any:
    found = reach.visible(current_user, number)
    try:
        refunds.by_finance(found.id, _actor(), request.form.get("cause", ""))
    except Invalid as fault:
        return _order(found, {"refund": texts.told(fault)}, 422)
    flash(_("退款已受理"))
    return redirect(url_for("finance.order", number=number), 303)


@bp.post("/orders/<number>/waive")
@roles(Role.ADMIN)
def waive(number: str) -> Any:
    found = reach.visible(current_user, number)
    try:
        waived = payments.waive(found.id, _actor(role=Role.ADMIN), request.form.get("cause", ""))
    except Invalid as fault:
        return _order(found, {"waive": texts.told(fault)}, 422)
    if not waived:
        raise ActionNotAllowed(_("该订单已支付，请刷新查看"))
    flash(_("已免除费用，订单进入审核"))
    return redirect(url_for("finance.order", number=number), 303)


@bp.get("/reconciliation")
@roles(*FINANCE)
def reconcile() -> Any:
    return _reconciliation(request.args.get("before", type=int), {})


def _reconciliation(before: int | None, wrong: dict[str, str], status: int = 200) -> Any:
    day, everything = _day("day"), request.args.get("show") == "all"
    rows, after = differences.page(current_user, day, everything=everything, before=before)
    context = {"figures": ledger.today(current_user), "days": differences.days(current_user), "yesterday": _yesterday()}
    return render_template(
        "finance/reconciliation.html", rows=rows, after=after, day=day, everything=everything, wrong=wrong, **context
    ), status


def _yesterday() -> date:
    return beijing(now()).date() - timedelta(days=1)


@bp.post("/reconciliation")
@roles(*FINANCE)
def compare() -> Any:
    day = _day("day") or _yesterday()
    try:
        reconciliation.compare(day)
    except Invalid as fault:
        return _reconciliation(None, {"day": texts.told(fault)}, 422)
    left = differences.open_count(current_user, day)
    flash(_("%(day)s 对账完成，%(n)s 处差异待处理", day=day.isoformat(), n=left))
    return redirect(url_for("finance.reconcile", day=day.isoformat()), 303)


@bp.post("/differences/<int:difference_id>/resolve")
@roles(*FINANCE)
def resolve(difference_id: int) -> Any:
    try:
        differences.resolve(current_user, difference_id, _actor(), request.form.get("note", ""))
    except Invalid as fault:  # its row comes first on the page that is shown again
        return _reconciliation(difference_id + 1, {f"note-{difference_id}": texts.told(fault)}, 422)
    flash(_("差异已处理"))
    return redirect(url_for("finance.reconcile"), 303)


@bp.get("/reconciliation.csv")
@roles(*FINANCE)
def differences_csv() -> Response:
    head = [_("日期"), _("差异"), _("单号"), _("我方"), _("微信"), _("处理时间"), _("处理结果")]
    return stream_csv("differences", head, map(_difference_cells, differences.everything(current_user, _day("day"))))


def _difference_cells(row: BillDifference) -> Sequence[object]:
    label, note = _(labels.DIFFERENCE_LABELS[row.kind]), _(row.note) if row.note else ""
    return [row.day, label, row.number, _yuan(row.ours_fen), _yuan(row.theirs_fen), _time(row.resolved_at), note]


@bp.get("/callbacks")
@roles(*FINANCE)
def callbacks() -> Any:
    return render_template(
        "finance/callbacks.html", rows=ledger.odd_callbacks(current_user), figures=ledger.today(current_user)
    )
