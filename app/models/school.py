"""Schools, their campaigns, rule versions and rosters."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.adapters.clock import now
from app.extensions import db
from app.models.types import UTCDateTime


class School(db.Model):
    """One school; `code` is the ministry's five digits."""

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    campuses: Mapped[list[str]] = mapped_column(JSON, default=list)
    colleges: Mapped[dict[str, list[str]]] = mapped_column(JSON, default=dict)  # college -> its classes
    active: Mapped[bool] = mapped_column(default=True)


class Rule(db.Model):
    """One immutable version of a photo specification; shipped files are seeded."""

    __table_args__ = (UniqueConstraint("code", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    sha256: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    made_from_id: Mapped[int | None] = mapped_column(ForeignKey("rule.id"))  # none: shipped
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    cause: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)


@event.listens_for(Rule, "before_update")
def _refuse_change(_mapper: Any, _connection: Any, rule: Rule) -> None:
    """Photos carry the version that they were judged under: it has to go on meaning the same."""
    raise TypeError(f"rule {rule.code} version {rule.version} never changes; make a new version")


class Campaign(db.Model):
    """采集批次: one school's collection period. `code` is the 特征码; days are Beijing days, both included."""

    id: Mapped[int] = mapped_column(primary_key=True)
    school_id: Mapped[int] = mapped_column(ForeignKey("school.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    rule_id: Mapped[int] = mapped_column(ForeignKey("rule.id"))
    background: Mapped[str] = mapped_column(default="blue")  # blue | white | grey
    background_policy: Mapped[str] = mapped_column(default="keep")  # keep | replace
    kinds: Mapped[list[str]] = mapped_column(JSON, default=lambda: ["chsi", "diploma"])
    naming: Mapped[str] = mapped_column(default="{id_no}")
    print_width_mm: Mapped[int] = mapped_column(default=33)
    print_height_mm: Mapped[int] = mapped_column(default=48)
    paper: Mapped[str] = mapped_column(default="A4")
    price_fen: Mapped[int] = mapped_column(default=0)
    payer: Mapped[str] = mapped_column(default="student")  # student | school | free
    source: Mapped[str] = mapped_column(default="any")  # any | camera
    tries: Mapped[int | None]
    opens: Mapped[date]
    closes: Mapped[date]
    help_phone: Mapped[str] = mapped_column(default="")
    review_days: Mapped[int] = mapped_column(default=3)
    retention_days: Mapped[int] = mapped_column(default=180)
    grace_days: Mapped[int] = mapped_column(default=14)  # for fixing rejected photos, before the rest is closed
    last_notice_days: Mapped[int] = mapped_column(default=3)  # before the last day; 0: none
    last_notice_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    remind_days: Mapped[int] = mapped_column(default=0)  # days between automatic reminders; 0: none
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    school: Mapped[School] = relationship()
    rule: Mapped[Rule] = relationship()

    @property
    def due_fen(self) -> int:
        """What a student of this campaign pays, in fen."""
        return self.price_fen if self.payer == "student" else 0


class RosterEntry(db.Model):
    """One expected student of a campaign. The name is optional: not every school may hand names out."""

    __table_args__ = (
        UniqueConstraint("campaign_id", "student_no"),
        Index("ix_roster_entry_class", "campaign_id", "college", "class_name"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    student_no: Mapped[str]
    name: Mapped[str]
    college: Mapped[str] = mapped_column(default="")
    class_name: Mapped[str] = mapped_column(default="")
    contact: Mapped[str] = mapped_column(default="")  # an e-mail address, or nothing


class ImportState(StrEnum):
    """Where a roster file stands. `read` waits for a person to look at the columns."""

    READING = "reading"
    READ = "read"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class RosterImport(db.Model):
    """One roster file on its way: its head and first rows, which column is what, how far it is, what was wrong."""

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    key: Mapped[str | None]  # the file while it is needed
    state: Mapped[str] = mapped_column(default=ImportState.READING.value)
    dry_run: Mapped[bool] = mapped_column(default=True)
    head_row: Mapped[int] = mapped_column(default=1)  # as a spreadsheet counts
    sample: Mapped[list[list[str]]] = mapped_column(JSON, default=list)  # the head and the first rows
    columns: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)  # field -> column, from 0
    total: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[list[Any]]] = mapped_column(JSON, default=list)  # [row, sentence]
    failure: Mapped[str] = mapped_column(default="")
    touched_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)
    campaign: Mapped[Campaign] = relationship()
