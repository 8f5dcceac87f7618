"""Our books against WeChat's trade bill, day by day; every difference becomes a row for finance, and stays one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import delete, func, select

from app.adapters.clock import BEIJING, beijing, now
from app.adapters.wechatpay import PayError, gateway
from app.extensions import db
from app.models import BillDay, BillDifference, BillLine, Payment, PaymentState, Refund, RefundState
from app.rules.bill import Bill, parse, summary_faults
from app.rules.faults import Fault, Invalid
from app.rules.labels import BILL_FAULTS, QUERY_FAULTS
from app.rules.text import N_
from app.services.money import payments, refunds
from app.services.money.differences import open_differences
from app.services.rounds import PATIENCE
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)

READY_AT = time(10)
"""WeChat's bill of a day can be had from ten in the morning of the next, Beijing time."""

LOOK_BACK = 89
"""Days that `flask sweep` makes up for by itself, however long it stood still: WeChat keeps bills for three months."""

HEALED = N_("已向微信查询并补记")


_paid = select(Payment.id).where(Payment.state == PaymentState.PAID.value)


@dataclass(frozen=True)
class Difference:
    """One disagreement; `kind` is a key of `labels.DIFFERENCE_LABELS`."""

    kind: str
    number: str
    ours: int | None = None
    theirs: int | None = None


def compare_due() -> int:
    """Compare the days that have not been, the newest first. Returns how many were compared.

    One bill that WeChat refuses stops no other; three in a row end the round, the next sweep goes on.
    """
    count = refused = 0
    for day in _due():
        try:
            compare(day)
            count, refused = count + 1, 0
        except PayError as error:
            log.warning("bill_refused day=%s code=%s", day, error.code)
            refused += 1
        if refused >= PATIENCE:
            break
    return count


def _due() -> list[date]:
    """Days with a bill, since our first payment, that have not been compared."""
    moment = beijing(now())
    first = db.session.scalar(select(func.min(Payment.created_at)))
    if first is None or moment.time() < READY_AT:
        return []
    done = set(db.session.scalars(select(BillDay.day)))
    days = [moment.date() - timedelta(days=back) for back in range(1, LOOK_BACK + 1)]
    return [day for day in days if day >= beijing(first).date() and day.isoformat() not in done]


def compare(day: date) -> int:
    """Compare a Beijing day that is over. What only a query can tell is asked at once. Returns its open differences.

    Raises Invalid for a day that is not over, Busy, PayError.
    """
    if day >= beijing(now()).date():
        raise Invalid(N_("只能核对已经结束的日期"))
    bill = parse(gateway().trade_bill(day.isoformat()))
    _keep(day, bill)
    for found in _differences(day):
        _heal(found)
    _recheck()
    return len(open_differences(day))


def _keep(day: date, bill: Bill) -> None:
    name = day.isoformat()
    with unit_of_work():
        db.session.execute(delete(BillLine).where(BillLine.day == name))
        db.session.merge(
            BillDay(
                day=name,
                compared_at=now(),
                payments=sum(line.kind == "payment" for line in bill.lines),
                payments_fen=bill.total("payment"),
                refunds=sum(line.kind == "refund" for line in bill.lines),
                refunds_fen=bill.total("refund"),
                fee_text=bill.stated.get("手续费总金额", ""),
            )
        )
        for line in {(line.kind, line.number): line for line in bill.lines}.values():
            db.session.add(
                BillLine(
                    day=name, kind=line.kind, number=line.number, out_trade_no=line.out_trade_no,
                    transaction_id=line.transaction_id, amount_fen=line.fen, status=line.status, at=line.at,
                )
            )  # fmt: skip
        db.session.flush()
        _write_down(name, [*_differences(day), *_faults_of(bill)])


def _faults_of(bill: Bill) -> Iterator[Difference]:
    """What is wrong with the bill itself: rows not understood, numbers that come twice, sums that do not add up."""
    seen: set[tuple[str, str]] = set()
    for place in bill.strange:
        yield Difference("unreadable", place)
    for line in bill.lines:
        if (line.kind, line.number) in seen:
            yield Difference("twice", line.number, None, line.fen)
        seen.add((line.kind, line.number))
    for number, (mine, theirs) in enumerate(summary_faults(bill), 1):
        yield Difference("summary", f"summary {number}", mine, theirs)


def _write_down(day: str, found: list[Difference]) -> None:
    """Write differences down; one that was noted before keeps its row, and opens again unless a person closed it."""
    known = {
        (row.kind, row.number): row
        for row in db.session.scalars(select(BillDifference).where(BillDifference.day == day))
    }
    for one in found:
        row = known.get((one.kind, one.number))
        if row is None:
            row = BillDifference(day=day, kind=one.kind, number=one.number, note="")
            db.session.add(row)
        row.ours_fen, row.theirs_fen = one.ours, one.theirs
        if row.staff_id is None:
            row.resolved_at, row.note = None, ""


def _differences(day: date) -> list[Difference]:
    """Our books as they are now against the kept lines of a day."""
    return [*_payments_here(day), *_refunds_here(day), *_missing_there(day)]


def _payments_here(day: date) -> Iterator[Difference]:
    query = (
        select(BillLine, Payment)
        .outerjoin(Payment, (Payment.out_trade_no == BillLine.number) & (Payment.state == PaymentState.PAID.value))
        .where(BillLine.day == day.isoformat(), BillLine.kind == "payment")
    )
    for line, payment in db.session.execute(query):
        if payment is None:
            yield Difference("payment_missing_here", line.number, None, line.amount_fen)
        elif payment.amount_fen != line.amount_fen:
            yield Difference("payment_amount", line.number, payment.amount_fen, line.amount_fen)
        elif payment.transaction_id != line.transaction_id:
            yield Difference("payment_transaction", line.number, payment.amount_fen, line.amount_fen)


def _refunds_here(day: date) -> Iterator[Difference]:
    query = (
        select(BillLine, Refund)
        .outerjoin(Refund, Refund.out_refund_no == BillLine.number)
        .where(BillLine.day == day.isoformat(), BillLine.kind == "refund")
    )
    for line, refund in db.session.execute(query):
        if refund is None:
            yield Difference("refund_missing_here", line.number, None, line.amount_fen)
        elif refund.amount_fen != line.amount_fen:
            yield Difference("refund_amount", line.number, refund.amount_fen, line.amount_fen)
        elif line.status == "SUCCESS" and refund.state != RefundState.SUCCEEDED:
            yield Difference("refund_state", line.number, refund.amount_fen, line.amount_fen)


def _missing_there(day: date) -> Iterator[Difference]:
    """What we hold for done that day and no kept bill knows; a refund stands in the bill of its day or an earlier."""
    start = datetime.combine(day, time(), BEIJING)
    end = start + timedelta(days=1)
    paid = select(Payment).where(
        Payment.state == PaymentState.PAID.value,
        Payment.paid_at >= start,
        Payment.paid_at < end,
        ~select(BillLine.id).where(BillLine.kind == "payment", BillLine.number == Payment.out_trade_no).exists(),
    )
    for payment in db.session.scalars(paid):
        yield Difference("payment_missing_there", payment.out_trade_no, payment.amount_fen, None)
    refunded = select(Refund).where(
        Refund.state == RefundState.SUCCEEDED.value,
        Refund.settled_at >= start,
        Refund.settled_at < end,
        ~select(BillLine.id).where(BillLine.kind == "refund", BillLine.number == Refund.out_refund_no).exists(),
    )
    for refund in db.session.scalars(refunded):
        yield Difference("refund_missing_there", refund.out_refund_no, refund.amount_fen, None)


def _heal(found: Difference) -> None:
    """Ask WeChat about money of ours that we have not noticed. Nothing is believed without its answer."""
    try:
        if found.kind == "payment_missing_here":
            known = db.session.scalar(select(Payment.id).where(Payment.out_trade_no == found.number))
            if known is not None:
                payments.look(found.number)
        elif found.kind == "refund_state":
            refund_id = db.session.scalar(select(Refund.id).where(Refund.out_refund_no == found.number))
            if refund_id is not None:
                refunds.drive(refund_id)
    except Fault as error:
        log.warning("difference_stays kind=%s error=%s", found.kind, type(error).__name__)


def _recheck() -> None:
    """Close the open differences that are none any longer, whichever day they are of; they stay listed."""
    checked = BillDifference.kind.not_in(BILL_FAULTS)
    with unit_of_work():
        rows = db.session.scalars(select(BillDifference).where(BillDifference.resolved_at.is_(None), checked)).all()
        days = {day: _differences(date.fromisoformat(day)) for day in {row.day for row in rows}}
        for row in rows:
            if row.kind in QUERY_FAULTS:
                stands = db.session.scalar(_paid.where(Payment.out_trade_no == row.number)) is None
            else:
                stands = any((one.kind, one.number) == (row.kind, row.number) for one in days[row.day])
            if not stands:
                row.resolved_at, row.note = now(), HEALED
