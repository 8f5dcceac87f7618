"""What students ask of staff and get a written answer to: their data deleted, a collection code moved to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.order import CodeImage, Order
from app.models.people import Account, Staff
from app.models.types import UTCDateTime


class RequestKind(StrEnum):
    """What is asked for."""

    DELETION = "deletion"
    CODE = "code"


class RequestState(StrEnum):
    """Where a request stands; one is dropped when its matter has gone: another code uploaded, the account merged."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    DROPPED = "dropped"


def _open(kind: RequestKind, column: str) -> Index:
    where = text(f"state = 'open' AND kind = '{kind}'")
    name = f"uq_student_request_open_{kind}"
    return Index(name, column, unique=True, sqlite_where=where, postgresql_where=where)


class StudentRequest(db.Model):
    """One request. Decided once; a granted deletion is carried out afterwards, at `done_at` everything is gone."""

    __table_args__ = (
        _open(RequestKind.DELETION, "account_id"),
        _open(RequestKind.CODE, "order_id"),
        Index("ix_student_request_state", "state", "asked_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"), index=True)  # a code: for which order
    code_id: Mapped[int | None] = mapped_column(ForeignKey("code_image.id"))  # a code: the picture that was refused
    state: Mapped[str] = mapped_column(default=RequestState.OPEN.value)
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    decided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    answer: Mapped[str] = mapped_column(default="")
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    account: Mapped[Account] = relationship()
    order: Mapped[Order | None] = relationship()
    code: Mapped[CodeImage | None] = relationship()
    staff: Mapped[Staff | None] = relationship()
