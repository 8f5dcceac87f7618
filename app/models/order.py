"""The order, its form versions, collection code, exemptions and history."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import ForeignKey, Index, TextClause, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models.people import Account
from app.models.photo import Photo
from app.models.school import Campaign, Rule, School
from app.models.types import Encrypted, UTCDateTime
from app.rules.states import LIVE, OrderState

_LIVE = text("state NOT IN ('cancelled', 'refunded')")
_WAITS = text("state = 'pending_review'")
_FIRST = text("(CASE WHEN decision_id IS NULL THEN 1 ELSE 0 END)")  # as services.review.queue_filters asks for it


def _of_few(name: str, *columns: str | TextClause, where: TextClause) -> Index:
    """An index of the few orders that wait, whatever the table has grown to."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


def due_day(since: datetime, days: int) -> date:
    """The Beijing day by which a campaign that promises so many days decides about what waits since then."""
    return beijing(since).date() + timedelta(days=days)


class Order(db.Model):
    """One student's request. `version` moves with every action and every change of photo, form or code."""

    __table_args__ = (
        Index("uq_order_live", "account_id", "campaign_id", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_order_queue", "state", "state_since", "id"),
        Index("ix_order_campaign_state", "campaign_id", "state"),
        _of_few("ix_order_wait_verdict", "queue_verdict", "state_since", "id", where=_WAITS),
        _of_few("ix_order_wait_verdict_due", "queue_verdict", "queue_due", "state_since", "id", where=_WAITS),
        _of_few("ix_order_wait_due", "queue_due", "state_since", "id", where=_WAITS),
        _of_few("ix_order_wait_first", _FIRST, "state_since", "id", where=_WAITS),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)  # none: taken on site
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"), index=True)
    state: Mapped[str] = mapped_column(default=OrderState.DRAFT.value)
    state_since: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    version: Mapped[int] = mapped_column(default=1)
    price_fen: Mapped[int] = mapped_column(default=0)
    tries_used: Mapped[int] = mapped_column(default=0)
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rule.id"))  # frozen at submit
    background: Mapped[str | None]  # frozen at submit
    background_policy: Mapped[str | None]  # frozen at submit
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photo.id", use_alter=True))
    form_id: Mapped[int | None] = mapped_column(ForeignKey("form.id", use_alter=True))
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id", use_alter=True))
    code_unreadable: Mapped[bool] = mapped_column(default=False)
    code_tries: Mapped[int] = mapped_column(default=0)
    typed: Mapped[str | None] = mapped_column(Encrypted)  # JSON of the form as last typed, right or wrong
    queue_verdict: Mapped[int | None]  # this and the next: copies for the queue, see services.queue_place
    queue_due: Mapped[datetime | None] = mapped_column(UTCDateTime)
    submitted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    account: Mapped[Account | None] = relationship()
    campaign: Mapped[Campaign] = relationship()
    school: Mapped[School] = relationship()
    rule: Mapped[Rule | None] = relationship()
    photo: Mapped[Photo | None] = relationship(foreign_keys=[photo_id])
    form: Mapped[Form | None] = relationship(foreign_keys=[form_id])
    photos: Mapped[list[Photo]] = relationship(
        primaryjoin="Order.id == foreign(Photo.order_id)", order_by="Photo.no", viewonly=True
    )
    exemptions: Mapped[list[Exemption]] = relationship(viewonly=True)
    codes: Mapped[list[CodeImage]] = relationship(order_by="CodeImage.id", back_populates="order")
    events: Mapped[list[Event]] = relationship(order_by="Event.id", back_populates="order")

    @property
    def due_day(self) -> date:
        """The Beijing day by which the campaign promises a decision, once it waits for one."""
        return due_day(self.state_since, self.campaign.review_days)

    @property
    def code(self) -> CodeImage | None:
        """The collection code in force, if there is one."""
        held = [code for code in self.codes if code.released_at is None]
        return held[-1] if held else None

    @property
    def code_taken(self) -> bool:
        """Whether staff moved its collection code to another order, and none has been uploaded since."""
        return bool(self.codes) and self.code is None and self.state in LIVE


class Form(db.Model):
    """One immutable version of what the student filled in. Identity and phone rest encrypted, here only."""

    __table_args__ = (UniqueConstraint("order_id", "no"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    no: Mapped[int]
    name: Mapped[str] = mapped_column(index=True)
    student_no: Mapped[str] = mapped_column(index=True)
    id_type: Mapped[str]
    id_no: Mapped[str] = mapped_column(Encrypted)
    id_hmac: Mapped[str] = mapped_column(index=True)
    id_last4: Mapped[str] = mapped_column(index=True)
    college: Mapped[str] = mapped_column(default="")
    class_name: Mapped[str] = mapped_column(default="")
    education_level: Mapped[str]
    education_category: Mapped[str]
    campus: Mapped[str]
    school_name: Mapped[str]
    email: Mapped[str]
    phone: Mapped[str] = mapped_column(Encrypted)
    phone_hmac: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class CodeImage(db.Model):
    """图像采集码 as uploaded, unmodified, with its opaque payload. Being read: `read_at` is empty."""

    __table_args__ = (
        Index(
            "uq_code_image_held",
            "payload_sha256",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    key: Mapped[str]
    suffix: Mapped[str]
    sha256: Mapped[str]
    payload: Mapped[bytes | None]
    claimed: Mapped[bytes | None]  # read, but another live order held it (fault `used`): staff may move it here
    payload_sha256: Mapped[str | None]
    fault: Mapped[str | None]
    attempt: Mapped[int] = mapped_column(default=0)
    uploaded_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    released_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    order: Mapped[Order] = relationship(back_populates="codes")


class Exemption(db.Model):
    """One named check switched off on one order, granted by a lead."""

    __table_args__ = (UniqueConstraint("order_id", "code"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"))
    code: Mapped[str]
    cause: Mapped[str] = mapped_column(Encrypted)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


class Event(db.Model):
    """One row of an order's history. Append only."""

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("order.id"), index=True)
    action: Mapped[str]
    from_state: Mapped[str]
    to_state: Mapped[str]
    actor_role: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photo.id"))
    form_id: Mapped[int | None] = mapped_column(ForeignKey("form.id"))
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"))
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("payment.id"))
    cause: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)
    order: Mapped[Order] = relationship(back_populates="events")
