"""What is done around a campaign's orders: reminders, studio photos without an owner, what a receiver found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.batch import Batch, BatchItem
from app.models.school import Campaign
from app.models.types import Encrypted, UTCDateTime


class Reminder(db.Model):
    """One reminder to one student: of an order that is unfinished, or of a roster entry without an order."""

    __table_args__ = (
        Index("ix_reminder_order", "order_id", "at"),
        Index("ix_reminder_entry", "roster_entry_id", "at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))
    roster_entry_id: Mapped[int | None] = mapped_column(ForeignKey("roster_entry.id", ondelete="CASCADE"))
    kind: Mapped[str]  # reminder | last_notice
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # none: by the schedule
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class IntakeState(StrEnum):
    """Where a studio photo without an owner stands."""

    WAITING = "waiting"
    ASSIGNED = "assigned"
    DROPPED = "dropped"


class IntakePhoto(db.Model):
    """A studio's photo that could not be given to an order at once: it waits for a person in the tray."""

    __table_args__ = (UniqueConstraint("campaign_id", "sha256"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    key: Mapped[str | None]  # gone once assigned or dropped
    sha256: Mapped[str]
    file_name: Mapped[str]  # the studio's, to recognise it by
    student_no: Mapped[str] = mapped_column(default="")  # as map or file name say
    cause: Mapped[str]  # why it waits: a sentence's key
    state: Mapped[str] = mapped_column(default=IntakeState.WAITING.value)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    campaign: Mapped[Campaign] = relationship()


class BatchDifference(db.Model):
    """One thing that the receiver found different in a batch; bound to its item where it could be found."""

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("batch_item.id"))
    subject: Mapped[str] = mapped_column(Encrypted)  # as the receiver wrote it; a file's name is often an ID number
    text: Mapped[str] = mapped_column(Encrypted, default="")
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    batch: Mapped[Batch] = relationship()
    item: Mapped[BatchItem | None] = relationship()
