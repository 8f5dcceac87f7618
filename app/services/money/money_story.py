"""One order's money from its first fen to its last: what was stated, by whom, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.extensions import db
from app.models import (
    BillDifference,
    BillLine,
    CallbackLog,
    Event,
    Order,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)
from app.rules.states import Action

_MOVES = (
    Action.SUBMIT, Action.EDIT, Action.PAY, Action.WAIVE, Action.CANCEL, Action.EXPIRE, Action.CLOSE, Action.REFUND,
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One line: `kind` says where it comes from, `what` is its code there, `fen` is signed, where money moved."""

    at: datetime
    kind: str  # order | payment | callback | refund | bill | difference
    what: str
    number: str = ""
    detail: str = ""
    fen: int | None = None
    staff_id: int | None = None
    stated_fen: int | None = None  # what a callback or WeChat's side of a difference says, moved or not


_RANK = ("payment", "callback", "order", "refund", "bill", "difference")
"""What comes first within one second: WeChat's times have no fractions."""


@dataclass(frozen=True)
class Story:
    """Everything about an order's money; `bill_fen` is what WeChat's bills say, None before there is a line."""

    refund: Refund | None
    entries: list[Entry]
    ours_fen: int
    bill_fen: int | None


def tell(order: Order) -> Story:
    """The story of an order."""
    payments = list(db.session.scalars(select(Payment).where(Payment.order_id == order.id).order_by(Payment.id)))
    numbers = [payment.out_trade_no for payment in payments]
    lines = list(db.session.scalars(select(BillLine).where(BillLine.out_trade_no.in_(numbers))))
    callbacks = db.session.scalars(select(CallbackLog).where(CallbackLog.out_trade_no.in_(numbers)))
    entries = [*_moves(order), *(entry for payment in payments for entry in _payment(payment))]
    entries += [
        Entry(row.at, "callback", row.outcome, row.out_trade_no, row.event_type, stated_fen=row.amount_fen)
        for row in callbacks
    ]
    entries += [Entry(line.at, "bill", line.kind, line.number, line.status, _signed(line)) for line in lines]
    entries += _differences([*numbers, *(refund.out_refund_no for one in payments for refund in one.refunds)])
    ours = sum(entry.fen or 0 for entry in entries if entry.kind in ("payment", "refund"))
    bill = sum(map(_signed, lines)) if lines else None
    entries.sort(key=lambda entry: (entry.at.replace(microsecond=0), _RANK.index(entry.kind)))
    return Story(next((row for one in reversed(payments) for row in one.refunds), None), entries, ours, bill)


def _moves(order: Order) -> Iterator[Entry]:
    query = select(Event).where(Event.order_id == order.id, Event.action.in_([action.value for action in _MOVES]))
    for event in db.session.scalars(query.order_by(Event.id)):
        yield Entry(event.at, "order", event.action, "", event.cause, None, event.staff_id)


def _payment(payment: Payment) -> Iterator[Entry]:
    yield Entry(payment.created_at, "payment", "opened", payment.out_trade_no, payment.method)
    if payment.state == PaymentState.PAID and payment.paid_at is not None:
        evidence = payment.evidence or ""
        yield Entry(payment.paid_at, "payment", "paid", payment.transaction_id or "", evidence, payment.amount_fen)
    for refund in payment.refunds:
        yield from _refund(refund)


def _refund(refund: Refund) -> Iterator[Entry]:
    yield Entry(refund.created_at, "refund", "asked", refund.out_refund_no, refund.cause, None, refund.staff_id)
    if refund.settled_at is not None:
        fen = -refund.amount_fen if refund.state == RefundState.SUCCEEDED else None
        yield Entry(refund.settled_at, "refund", refund.state, refund.out_refund_no, refund.failure, fen)


def _differences(numbers: list[str]) -> list[Entry]:
    found = db.session.scalars(select(BillDifference).where(BillDifference.number.in_(numbers)))
    return [
        Entry(row.at, "difference", row.kind, row.number, row.note, None, row.staff_id, row.theirs_fen) for row in found
    ]


def _signed(line: BillLine) -> int:
    if line.kind == "payment":
        return line.amount_fen
    return -line.amount_fen if line.status == "SUCCESS" else 0
