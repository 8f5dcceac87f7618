"""Students' accounts with their WeChat identities and consents, and staff with their roles."""

from __future__ import annotations

from datetime import datetime

from flask_login import UserMixin
from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.types import Encrypted, UTCDateTime
from app.rules.states import Role


class Account(db.Model, UserMixin):
    """One student, whoever they are at WeChat."""

    id: Mapped[int] = mapped_column(primary_key=True)
    nickname: Mapped[str] = mapped_column(default="")
    avatar_key: Mapped[str | None]
    locale: Mapped[str] = mapped_column(default="zh")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    erased_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # no person is left; nobody signs in to it
    sign_outs: Mapped[int] = mapped_column(default=0, server_default="0")  # in the cookie: one ends them all
    identities: Mapped[list[Identity]] = relationship(back_populates="account")
    consents: Mapped[list[Consent]] = relationship(order_by="Consent.id")

    def get_id(self) -> str:
        return f"account-{self.id}-{self.sign_outs}"

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset({Role.STUDENT})


class Identity(db.Model):
    """One way an account signs in: an openid of one WeChat app."""

    __table_args__ = (UniqueConstraint("appid", "openid"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    provider: Mapped[str]
    appid: Mapped[str]
    openid: Mapped[str]
    unionid: Mapped[str | None] = mapped_column(index=True)
    account: Mapped[Account] = relationship(back_populates="identities")


class Consent(db.Model):
    """One consent given: `portrait` or `handover`, with the text's version and hash."""

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    kind: Mapped[str]
    text_version: Mapped[str]
    text_sha256: Mapped[str]
    given_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


NO_SCHOOL = frozenset({0})
"""Bound to a school that does not exist: sees nothing."""


class Staff(db.Model, UserMixin):
    """One member of staff. Until `totp_confirmed_at` the secret is only offered, not yet in force."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    totp_secret: Mapped[str | None] = mapped_column(Encrypted)
    active: Mapped[bool] = mapped_column(default=True)
    locale: Mapped[str] = mapped_column(default="zh")
    must_change_password: Mapped[bool] = mapped_column(default=False)
    totp_confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    totp_step: Mapped[int] = mapped_column(default=0)  # of the last code taken: none is taken twice
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    role_rows: Mapped[list[StaffRole]] = relationship(cascade="all, delete-orphan", lazy="selectin")
    school_rows: Mapped[list[StaffSchool]] = relationship(cascade="all, delete-orphan", lazy="selectin")

    def get_id(self) -> str:
        return f"staff-{self.id}"

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(Role(row.role) for row in self.role_rows)

    @property
    def school_ids(self) -> frozenset[int]:
        """Schools this person is bound to; empty means no bound. A liaison without a school is bound to none at all."""
        bound = frozenset(row.school_id for row in self.school_rows)
        return bound or (NO_SCHOOL if Role.SCHOOL in self.roles else bound)

    def sees(self, school_id: int) -> bool:
        """Whether a school is within this person's work."""
        return not self.school_ids or school_id in self.school_ids


class StaffRole(db.Model):
    """One role of one member of staff."""

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class StaffSchool(db.Model):
    """One school that a member of staff is bound to."""

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"), primary_key=True)


class StaffSession(db.Model):
    """One signed-in browser of a member of staff; its cookie holds the token, the row only a hash of it."""

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    token_sha256: Mapped[str] = mapped_column(unique=True)
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    seen_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class RecoveryCode(db.Model):
    """One code that stands in for a lost second factor, once."""

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    digest: Mapped[str]
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class SignInAttempt(db.Model):
    """One try to sign in that was not (yet) right; `key` is a keyed hash of the name or of the network address."""

    __table_args__ = (Index("ix_sign_in_attempt_key_at", "key", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)
