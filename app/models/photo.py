"""Photo versions, what the checks said of them, their hashes, and who looked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.types import UTCDateTime

GONE = "gone/deleted"
"""The key of what was erased: a key like any other, under which nothing is ever stored."""


class CheckState(StrEnum):
    """Where the machine's look at a photo stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    GAVE_UP = "gave_up"


_ASKED = text("human_review_requested_at IS NOT NULL")
_SAMPLED = text("sampled_at IS NOT NULL")


class Photo(db.Model):
    """One version of the image on an order. The rendition is exactly what is delivered."""

    __table_args__ = (
        UniqueConstraint("order_id", "no"),
        Index("ix_photo_check_state", "check_state", "started_at"),
        Index("ix_photo_asked", "id", sqlite_where=_ASKED, postgresql_where=_ASKED),
        Index("ix_photo_sampled", "id", sqlite_where=_SAMPLED, postgresql_where=_SAMPLED),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))
    no: Mapped[int]
    source: Mapped[str]  # album | camera | camera_fallback | onsite
    original_key: Mapped[str]
    original_sha256: Mapped[str] = mapped_column(index=True)
    pixel_sha256: Mapped[str | None] = mapped_column(index=True)
    width: Mapped[int | None]
    height: Mapped[int | None]
    rule_id: Mapped[int] = mapped_column(ForeignKey("rule.id"))
    background: Mapped[str]
    background_policy: Mapped[str]
    checker_version: Mapped[str | None]
    check_state: Mapped[str] = mapped_column(default=CheckState.QUEUED.value)
    attempt: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    verdict: Mapped[str | None]
    crop: Mapped[list[int] | None] = mapped_column(JSON)
    ruler: Mapped[dict[str, float] | None] = mapped_column(JSON)
    rendition_key: Mapped[str | None]
    rendition_sha256: Mapped[str | None]
    human_review_requested_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    sampled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # kept out of a gallery: to be judged by itself
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    rule: Mapped[Any] = relationship("Rule")
    checks: Mapped[list[PhotoCheck]] = relationship(cascade="all, delete-orphan", order_by="PhotoCheck.id")

    @property
    def erased(self) -> bool:
        """Whether its files were deleted; what is left says nothing of a person."""
        return self.original_key == GONE

    @property
    def settled(self) -> bool:
        """No more waiting for the machine."""
        return self.check_state in (CheckState.DONE, CheckState.GAVE_UP)


_FAULTY = text("verdict IN ('fail', 'warn')")


class PhotoCheck(db.Model):
    """One check's finding about one photo."""

    __tablename__ = "check"
    __table_args__ = (
        UniqueConstraint("photo_id", "code"),
        Index("ix_check_faulty", "code", "photo_id", sqlite_where=_FAULTY, postgresql_where=_FAULTY),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"))
    code: Mapped[str]
    verdict: Mapped[str]
    value: Mapped[float | None]
    unit: Mapped[str] = mapped_column(default="")
    low: Mapped[float | None]
    high: Mapped[float | None]
    region: Mapped[list[int] | None] = mapped_column(JSON)
    fault: Mapped[str] = mapped_column(default="")
    args: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class PhotoHash(db.Model):
    """One band of a photo's perceptual hash, indexed for near-duplicate look-up."""

    __table_args__ = (Index("ix_photo_hash_lookup", "band", "value"),)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"), primary_key=True)
    band: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class PhotoView(db.Model):
    """Somebody of staff saw a photo; shown to the student."""

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    purpose: Mapped[str]
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
