"""The audit log, the outbox, what students allowed WeChat to tell them, and when what runs by the clock ran."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.clock import now
from app.extensions import db
from app.models.types import UTCDateTime


class Audit(db.Model):
    """One thing a member of staff did that is not an order's event. `subject` is like `campaign-7`: ids, no names."""

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    cause: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)


class Outbox(db.Model):
    """A notice to be sent after the transaction that caused it; sent at least once, `dedupe` makes it once."""

    __table_args__ = (Index("ix_outbox_due", "sent_at", "not_before"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    dedupe: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    ids: Mapped[dict[str, Any]] = mapped_column(JSON)
    not_before: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    channel: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class Pulse(db.Model):
    """When a repeated command last ran to its end, and what it did."""

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    note: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class NoticeConsent(db.Model):
    """One message that a student allowed on WeChat's page; WeChat counts by `scene`, one message each."""

    __table_args__ = (UniqueConstraint("order_id", "scene"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    scene: Mapped[int]
    given_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
