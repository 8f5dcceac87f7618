"""Reasons, decisions and leases."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.order import Form
from app.models.types import UTCDateTime


class Reason(db.Model):
    """Why a photo is rejected: a row with a stable code. `target` is a place in the photo, a form field or the code."""

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    label: Mapped[str]
    label_en: Mapped[str] = mapped_column(default="", server_default="")
    text_zh: Mapped[str]
    text_en: Mapped[str]
    target: Mapped[str]  # photo | code | form:<field>
    check_code: Mapped[str | None]  # the check that suggests it
    hotkey: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class ReasonVersion(db.Model):
    """What a reason said from `at` on; past decisions keep copies of the texts they used."""

    __table_args__ = (UniqueConstraint("reason_id", "no"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    reason_id: Mapped[int] = mapped_column(ForeignKey("reason.id"))
    no: Mapped[int]
    label: Mapped[str]
    label_en: Mapped[str] = mapped_column(default="", server_default="")
    text_zh: Mapped[str]
    text_en: Mapped[str]
    target: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


_APPEALED = text("appealed_at IS NOT NULL")
_REJECTED = text("outcome = 'rejected' AND undone_at IS NULL")
_APPROVED = text("outcome = 'approved' AND undone_at IS NULL")


class Decision(db.Model):
    """A reviewer's approval or rejection of exactly this photo, form and order version."""

    __table_args__ = (
        Index("ix_decision_staff", "staff_id", "id"),
        Index("ix_decision_appealed", "id", sqlite_where=_APPEALED, postgresql_where=_APPEALED),
        Index("ix_decision_rejected", "at", "order_id", "id", sqlite_where=_REJECTED, postgresql_where=_REJECTED),
        Index("ix_decision_approved", "order_id", "id", sqlite_where=_APPROVED, postgresql_where=_APPROVED),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photo.id"))
    form_id: Mapped[int] = mapped_column(ForeignKey("form.id"))
    order_version: Mapped[int]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str] = mapped_column(default="normal")  # normal | bulk | appeal
    outcome: Mapped[str]  # approved | rejected
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)
    visible_from: Mapped[datetime] = mapped_column(UTCDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    appealed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ms: Mapped[int] = mapped_column(default=0)
    form: Mapped[Form] = relationship(viewonly=True)
    reasons: Mapped[list[DecisionReason]] = relationship(cascade="all, delete-orphan", order_by="DecisionReason.id")


class DecisionReason(db.Model):
    """One reason of one rejection, its texts copied as the student was told them."""

    __table_args__ = (Index("ix_decision_reason_code", "code", "decision_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"), index=True)
    code: Mapped[str]
    text_zh: Mapped[str]
    text_en: Mapped[str]
    target: Mapped[str]
    region: Mapped[list[int] | None] = mapped_column(JSON)
    value: Mapped[float | None]


class Lease(db.Model):
    """Who is offered an order, until when. It says who is offered, the order's version says who wins."""

    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    token: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ReviewDay(db.Model):
    """What was decided and what arrived on a Beijing day that is over, see services.review.tallies."""

    day: Mapped[date] = mapped_column(primary_key=True)
    sums: Mapped[list[Any]] = mapped_column(JSON)
