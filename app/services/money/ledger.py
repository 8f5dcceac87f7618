"""Reading the books: which money an order lives on, and lists for finance, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import contains_eager

from app.adapters.clock import BEIJING, beijing, now
from app.extensions import db
from app.models import BillDifference, CallbackLog, Order, Payment, PaymentState, Refund, RefundState, Staff
from app.rules.faults import NotFound
from app.rules.labels import ODD_CALLBACKS
from app.services.access import reach

PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """What finance looks for. `text` is an exact order number, out_trade_no, transaction id or out_refund_no."""

    state: str = ""
    text: str = ""
    since: date | None = None
    until: date | None = None
    school_id: int | None = None


def paid(order_id: int) -> Payment | None:
    """The payment that this order lives on: paid, and not on its way back."""
    return db.session.scalar(
        select(Payment)
        .outerjoin(Refund, Refund.payment_id == Payment.id)
        .where(Payment.order_id == order_id, Payment.state == PaymentState.PAID.value, Refund.id.is_(None))
        .order_by(Payment.id)
        .limit(1)
    )


def is_paid(order_id: int) -> bool:
    """Whether money for this order is with us and not on its way back."""
    return paid(order_id) is not None


def refund(staff: Staff, refund_id: int) -> Refund:
    """A refund of this person's schools. Raises NotFound for others."""
    found = db.session.get(Refund, refund_id)
    if found is None or not staff.sees(found.payment.order.school_id):
        raise NotFound
    return found


def payments_page(staff: Staff, wanted: Wanted, before: int | None = None) -> tuple[list[Payment], int | None]:
    """The newest payments that match, and the id to page on from, None at the end."""
    query = _payments(select(Payment).join(Payment.order).options(contains_eager(Payment.order)), staff, wanted)
    if before is not None:
        query = query.where(Payment.id < before)
    return _page(query.order_by(Payment.id.desc()))


def refunds_page(staff: Staff, wanted: Wanted, before: int | None = None) -> tuple[list[Refund], int | None]:
    """The newest refunds that match; state `open` are those that have not arrived."""
    query = select(Refund).join(Refund.payment).join(Payment.order)
    query = query.options(contains_eager(Refund.payment).contains_eager(Payment.order))
    query = _within(query, staff, wanted)
    if wanted.text:
        query = query.where(Refund.payment_id.in_(_found(wanted.text)))
    if wanted.state == "open":
        query = query.where(Refund.state != RefundState.SUCCEEDED.value)
    elif wanted.state:
        query = query.where(Refund.state == wanted.state)
    query = _days(query, Refund.created_at, wanted)
    if before is not None:
        query = query.where(Refund.id < before)
    return _page(query.order_by(Refund.id.desc()))


def payments_total(staff: Staff, wanted: Wanted) -> tuple[int, int]:
    """How many payments match, and their fen."""
    query = _payments(select(func.count(), func.coalesce(func.sum(Payment.amount_fen), 0)), staff, wanted)
    if staff.school_ids or wanted.school_id:
        query = query.select_from(Payment).join(Payment.order)
    count, fen = db.session.execute(query).one()
    return int(count), int(fen)


def payments_all(staff: Staff, wanted: Wanted) -> Iterator[Payment]:
    """Every payment that matches, the newest first, read in portions."""
    query = _payments(select(Payment).join(Payment.order).options(contains_eager(Payment.order)), staff, wanted)
    yield from db.session.scalars(query.order_by(Payment.id.desc()).execution_options(yield_per=500))


def _payments(query: Any, staff: Staff, wanted: Wanted) -> Any:
    query = _within(query, staff, wanted)
    if wanted.text:
        query = query.where(Payment.id.in_(_found(wanted.text)))
    if wanted.state:
        query = query.where(Payment.state == wanted.state)
    moment = Payment.paid_at if wanted.state == PaymentState.PAID else Payment.created_at
    return _days(query, moment, wanted)


def _within(query: Any, staff: Staff, wanted: Wanted) -> Any:
    query = reach.narrowed(query, staff)
    return query.where(Order.school_id == wanted.school_id) if wanted.school_id else query


def _days(query: Any, column: Any, wanted: Wanted) -> Any:
    if wanted.since:
        query = query.where(column >= _midnight(wanted.since))
    return query.where(column < _midnight(wanted.until + timedelta(days=1))) if wanted.until else query


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BEIJING)


def _found(text: str) -> list[int]:
    """Ids of the payments that a number names; each way is one look into a unique index."""
    orders = select(Order.id).where(Order.number == text.upper())
    ways = (
        select(Payment.id).where(or_(Payment.out_trade_no == text, Payment.transaction_id == text)),
        select(Payment.id).where(Payment.order_id.in_(orders)),
        select(Refund.payment_id).where(Refund.out_refund_no == text),
    )
    return [found for way in ways for found in db.session.scalars(way)]


def _page(query: Any) -> tuple[list[Any], int | None]:
    rows = list(db.session.scalars(query.limit(PAGE + 1)))
    return rows[:PAGE], rows[PAGE - 1].id if len(rows) > PAGE else None


def concerns(number: Any, staff: Staff) -> Any:
    """That a column holds an out_trade_no or out_refund_no of this person's schools: two looks into unique indexes.

    Single values, not EXISTS: PostgreSQL would rather read all payments into a hash, whatever a page's limit.
    """
    mine = Order.school_id.in_(staff.school_ids)
    paid_by = select(Payment.id).join(Payment.order).where(Payment.out_trade_no == number, mine)
    given_back = select(Refund.id).join(Refund.payment).join(Payment.order).where(Refund.out_refund_no == number, mine)
    return func.coalesce(paid_by.scalar_subquery(), given_back.scalar_subquery()).is_not(None)


def odd_callbacks(staff: Staff, limit: int = 100) -> list[CallbackLog]:
    """Genuine callbacks that fitted nothing, the newest first."""
    query = _odd(select(CallbackLog), staff)
    return list(db.session.scalars(query.order_by(CallbackLog.id.desc()).limit(limit)))


def _odd(query: Any, staff: Staff) -> Any:
    query = query.where(CallbackLog.outcome.in_(ODD_CALLBACKS))
    return query.where(concerns(CallbackLog.out_trade_no, staff)) if staff.school_ids else query


def today(staff: Staff) -> dict[str, int]:
    """Figures for the top of the page: fen in and back today, and how many things wait for a person."""
    start, week = _midnight(beijing(now()).date()), now() - timedelta(days=7)
    count = select(func.count())

    def of_payments(query: Any) -> int:
        return _number(query.join(Payment.order).where(Order.school_id.in_(staff.school_ids)) if bound else query)

    def of_refunds(query: Any) -> int:
        query = query.select_from(Refund)
        return of_payments(query.join(Refund.payment) if bound else query)

    bound = bool(staff.school_ids)
    arrived = Refund.state == RefundState.SUCCEEDED.value, Refund.settled_at >= start
    left = count.select_from(BillDifference).where(BillDifference.resolved_at.is_(None))
    return {
        "in_fen": of_payments(select(func.sum(Payment.amount_fen)).where(Payment.paid_at >= start)),
        "back_fen": of_refunds(select(func.sum(Refund.amount_fen)).where(*arrived)),
        "refunds_waiting": of_refunds(count.where(Refund.state.in_(("requested", "processing")))),
        "refunds_failed": of_refunds(count.where(Refund.state == RefundState.FAILED.value)),
        "differences": _number(left.where(concerns(BillDifference.number, staff)) if bound else left),
        "callbacks": _number(_odd(count.select_from(CallbackLog), staff).where(CallbackLog.at >= week)),
    }


def _number(query: Any) -> int:
    return int(db.session.scalar(query) or 0)
