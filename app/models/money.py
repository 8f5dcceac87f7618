"""Payments and refunds, in fen, and the notices WeChat Pay has sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.types import UTCDateTime


class PaymentState(StrEnum):
    """Our side of WeChat's trade_state."""

    OPEN = "open"
    CLOSED = "closed"
    PAID = "paid"


class RefundState(StrEnum):
    """Our side of WeChat's refund status."""

    REQUESTED = "requested"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Payment(db.Model):
    """One out_trade_no. What it states (number, amount, method, order) never changes."""

    __table_args__ = (Index("ix_payment_poll", "state", "next_query_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    out_trade_no: Mapped[str] = mapped_column(unique=True)
    method: Mapped[str]  # jsapi | native
    amount_fen: Mapped[int]
    state: Mapped[str] = mapped_column(default=PaymentState.OPEN.value)
    handle: Mapped[str | None]  # prepay_id or code_url
    handle_expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    transaction_id: Mapped[str | None] = mapped_column(unique=True)
    paid_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    queries: Mapped[int] = mapped_column(default=0)
    next_query_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    refunds: Mapped[list[Refund]] = relationship(order_by="Refund.id", back_populates="payment")


class Refund(db.Model):
    """One out_refund_no, always in full."""

    id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"), index=True)
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


class NotifyLog(db.Model):
    """One notice of WeChat Pay that was taken; the id makes a repeat harmless."""

    id: Mapped[int] = mapped_column(primary_key=True)
    notify_id: Mapped[str] = mapped_column(unique=True)
    event_type: Mapped[str]
    out_trade_no: Mapped[str] = mapped_column(index=True)
    outcome: Mapped[str]
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class BillDifference(db.Model):
    """One line on which our books and WeChat's trade bill of a day disagree."""

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    out_trade_no: Mapped[str]
    ours_fen: Mapped[int | None]
    theirs_fen: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
