"""Batches: one export, and the orders frozen into it."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.school import Campaign, School
from app.models.types import Encrypted, UTCDateTime


class BatchState(StrEnum):
    """Where a batch stands."""

    BUILDING = "building"
    READY = "ready"
    HANDED_OVER = "handed_over"
    ACKNOWLEDGED = "acknowledged"
    DISCARDED = "discarded"


class Batch(db.Model):
    """One export of one campaign and kind. All bytes are a function of the frozen rows."""

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]  # chsi | diploma
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"), index=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    state: Mapped[str] = mapped_column(default=BatchState.BUILDING.value)
    header: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # campaign facts frozen with the list
    replaced: Mapped[str | None] = mapped_column(Encrypted)  # JSON of `superseded`: file names hold ID numbers
    frozen_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    sha256: Mapped[str | None]
    path: Mapped[str | None]
    percent: Mapped[int] = mapped_column(default=0)  # how far the build is
    done_items: Mapped[int] = mapped_column(default=0)  # photos in it, once built
    fault: Mapped[str | None]  # the order whose stored file stopped the last build
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    handed_over_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    acknowledgement: Mapped[str] = mapped_column(Encrypted, default="")  # a receiver writes about people
    school: Mapped[School] = relationship()
    campaign: Mapped[Campaign] = relationship()
    items: Mapped[list[BatchItem]] = relationship(order_by="BatchItem.position", back_populates="batch")

    @property
    def superseded(self) -> list[str]:
        """Files of delivered batches that this one replaces, as `batch/path`; empty texts once retention took them."""
        names: list[str] = json.loads(self.replaced or "[]")
        return names


class BatchItem(db.Model):
    """One order in a batch with everything its bytes depend on (`frozen`: canonical JSON, sealed)."""

    __table_args__ = (
        Index(
            "uq_batch_item_live",
            "order_id",
            "kind",
            unique=True,
            sqlite_where=text("superseded_at IS NULL AND released_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL AND released_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    position: Mapped[int]
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"))
    form_id: Mapped[int] = mapped_column(ForeignKey("form.id"))
    kind: Mapped[str]
    frozen: Mapped[str] = mapped_column(Encrypted)
    sha256: Mapped[str]
    superseded_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    superseded_cause: Mapped[str] = mapped_column(default="")
    released_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    batch: Mapped[Batch] = relationship(back_populates="items")


class BatchLink(db.Model):
    """A download address for a receiver without an account: expires, needs a code, every use is logged."""

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    code_sha256: Mapped[str]
    receiver: Mapped[str]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    wrong_codes: Mapped[int] = mapped_column(default=0)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    batch: Mapped[Batch] = relationship()
