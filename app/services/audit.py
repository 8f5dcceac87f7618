"""One row for each thing a member of staff did that is not an order's event."""

from __future__ import annotations

from sqlalchemy import select

from app.extensions import db
from app.models import Audit, Staff


def note(staff: Staff | None, action: str, subject: str, cause: str = "") -> None:
    """Write an audit row in the open unit. `subject` is like `campaign-7`: ids, never names or numbers of people."""
    db.session.add(Audit(staff_id=staff.id if staff else None, action=action, subject=subject, cause=cause))


def latest(limit: int = 100, before: int | None = None) -> list[tuple[Audit, str]]:
    """The newest rows with the actor's name, `before` an id for paging."""
    query = select(Audit, Staff.name).outerjoin(Staff, Staff.id == Audit.staff_id).order_by(Audit.id.desc())
    if before is not None:
        query = query.where(Audit.id < before)
    return [(row, name or "system") for row, name in db.session.execute(query.limit(limit))]


def note_id(staff_id: int | None, action: str, subject: str, cause: str = "") -> None:
    """As `note`, where only the id is at hand."""
    db.session.add(Audit(staff_id=staff_id, action=action, subject=subject, cause=cause))
