"""Payments and refunds, in fen, the callbacks WeChat Pay has sent, and its trade bills.

What a payment, a refund or a callback states is append-only: triggers in the database refuse to change or delete it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.order import Order
from app.models.people import Staff
from app.models.types import UTCDateTime


class PaymentState(StrEnum):
    """Our side of WeChat's trade_state."""

    OPEN = "open"
    CLOSED = "closed"
    PAID = "paid"
    DISPUTED = "disputed"  # WeChat says paid, and its answer does not fit: finance looks


class RefundState(StrEnum):
    """Our side of WeChat's refund status."""

    REQUESTED = "requested"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_OPEN = text("state = 'open'")


class Payment(db.Model):
    """One out_trade_no. What it states (order, number, method, amount, expiry) never changes; paid is final."""

    __table_args__ = (
        Index("ix_payment_poll", "state", "next_query_at"),
        Index("ix_payment_state_id", "state", "id"),
        Index("ix_payment_paid_at", "paid_at"),
        Index("ix_payment_created_at", "created_at"),
        Index("uq_payment_open", "order_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    out_trade_no: Mapped[str] = mapped_column(unique=True)
    method: Mapped[str]  # jsapi | native
    amount_fen: Mapped[int]
    state: Mapped[str] = mapped_column(default=PaymentState.OPEN.value)
    handle: Mapped[str | None]  # prepay_id or code_url
    handle_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)  # WeChat's time_expire, settable once
    transaction_id: Mapped[str | None] = mapped_column(unique=True)
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    evidence: Mapped[str | None]  # what told us of the money: callback (notice in early rows) | query
    queries: Mapped[int] = mapped_column(default=0)
    next_query_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    order: Mapped[Order] = relationship()
    refunds: Mapped[list[Refund]] = relationship(order_by="Refund.id", back_populates="payment")


class Refund(db.Model):
    """One out_refund_no, always in full: a payment has at most one, and keeps its number for every attempt."""

    __table_args__ = (
        Index("uq_refund_payment", "payment_id", unique=True),
        Index("ix_refund_due", "state", "next_try_at"),
        Index("ix_refund_settled_at", "settled_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    out_refund_no: Mapped[str] = mapped_column(unique=True)
    amount_fen: Mapped[int]
    state: Mapped[str] = mapped_column(default=RefundState.REQUESTED.value)
    cause: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str] = mapped_column(default="")
    next_try_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    payment: Mapped[Payment] = relationship(back_populates="refunds")
    staff: Mapped[Staff | None] = relationship()


class CallbackLog(db.Model):
    """One genuine callback of WeChat Pay and what came of it; its id makes a repeat harmless."""

    __tablename__ = "notify_log"  # WeChat Pay's API says notify
    __table_args__ = (Index("ix_notify_log_outcome", "outcome", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    notify_id: Mapped[str] = mapped_column(unique=True)
    event_type: Mapped[str]
    out_trade_no: Mapped[str] = mapped_column(index=True)
    transaction_id: Mapped[str | None]
    amount_fen: Mapped[int | None]  # as WeChat says
    outcome: Mapped[str]
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class BillDay(db.Model):
    """One Beijing day whose trade bill has been compared, with WeChat's totals."""

    day: Mapped[str] = mapped_column(primary_key=True)
    compared_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    payments: Mapped[int]
    payments_fen: Mapped[int]
    refunds: Mapped[int]
    refunds_fen: Mapped[int]
    fee_text: Mapped[str]  # yuan as WeChat writes it, finer than a fen


class BillLine(db.Model):
    """One line of WeChat's trade bill, kept as WeChat's side of every order's money."""

    __table_args__ = (UniqueConstraint("day", "kind", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[str]
    kind: Mapped[str]  # payment | refund
    number: Mapped[str] = mapped_column(index=True)  # out_trade_no, or out_refund_no of a refund
    out_trade_no: Mapped[str] = mapped_column(index=True)
    transaction_id: Mapped[str]
    amount_fen: Mapped[int]
    status: Mapped[str]
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class BillDifference(db.Model):
    """One point on which our books and WeChat's trade bill of a day disagree."""

    __table_args__ = (Index("ix_bill_difference_open", "resolved_at", "day"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    number: Mapped[str] = mapped_column(index=True)  # out_trade_no, or out_refund_no of a refund
    ours_fen: Mapped[int | None]
    theirs_fen: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str] = mapped_column(default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
