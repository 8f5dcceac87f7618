"""Our books against WeChat's trade bill of a day; every difference becomes a row for finance."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import delete, select

from app.adapters.clock import BEIJING
from app.adapters.wechatpay import gateway
from app.extensions import db
from app.models import BillDifference, Payment, PaymentState, Refund, RefundState
from app.services.unit import unit_of_work

_PAID, _REFUNDED = "SUCCESS", "REFUND"


@dataclass(frozen=True)
class Line:
    """One line of a bill, in fen. `number` is ours: out_trade_no, or out_refund_no of a refund."""

    kind: str
    number: str
    fen: int


def parse(text: str) -> dict[tuple[str, str], Line]:
    """The lines of a trade bill (cells begin with a backquote; two summary lines at the end)."""
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    if not rows:
        return {}
    head = [cell.strip() for cell in rows[0]]
    found = {}
    for row in rows[1:]:
        cells = dict(zip(head, (cell.lstrip("`").strip() for cell in row), strict=False))
        if len(row) < len(head) or cells.get("交易状态") not in (_PAID, _REFUNDED):
            continue
        paid = cells["交易状态"] == _PAID
        number, amount = (
            (cells["商户订单号"], cells["应结订单金额"]) if paid else (cells["商户退款单号"], cells["退款金额"])
        )
        line = Line("payment" if paid else "refund", number, fen(amount))
        found[line.kind, line.number] = line
    return found


def fen(yuan: str) -> int:
    """Fen of an amount like `15.00`, without floating point. Raises ValueError."""
    whole, _, part = yuan.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


def compare(day: date) -> int:
    """Compare a Beijing day and keep the differences, replacing an earlier comparison. Returns how many there are."""
    theirs = parse(gateway().trade_bill(day.isoformat()))
    ours = _ours(day)
    with unit_of_work():
        db.session.execute(delete(BillDifference).where(BillDifference.day == day.isoformat()))
        rows = list(_differences(day, ours, theirs))
        db.session.add_all(rows)
        return len(rows)


def _differences(day: date, ours: Mapping, theirs: Mapping):  # type: ignore[no-untyped-def,type-arg]
    for key in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(key), theirs.get(key)
        if mine == other:
            continue
        kind = f"{key[0]}_missing_here" if mine is None else f"{key[0]}_missing_there" if other is None else "amount"
        yield BillDifference(
            day=day.isoformat(),
            kind=kind,
            out_trade_no=key[1],
            ours_fen=mine.fen if mine else None,
            theirs_fen=other.fen if other else None,
        )


def _ours(day: date) -> dict[tuple[str, str], Line]:
    start = datetime.combine(day, time(), BEIJING)
    end = start + timedelta(days=1)
    payments = db.session.scalars(
        select(Payment).where(Payment.state == PaymentState.PAID.value, Payment.paid_at >= start, Payment.paid_at < end)
    )
    refunds = db.session.scalars(
        select(Refund).where(
            Refund.state == RefundState.SUCCEEDED.value, Refund.settled_at >= start, Refund.settled_at < end
        )
    )
    lines = [Line("payment", row.out_trade_no, row.amount_fen) for row in payments]
    lines += [Line("refund", row.out_refund_no, row.amount_fen) for row in refunds]
    return {(line.kind, line.number): line for line in lines}
