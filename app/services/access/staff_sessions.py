"""Signed-in browsers of staff: opened, kept alive, listed, ended. Ending takes effect with the next request."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

from app.adapters.clock import now
from app.extensions import db
from app.models import Staff, StaffSession
from app.services.unit import only_busy, unit_of_work

IDLE = timedelta(hours=12)
"""A session that was not used for so long is over."""

LIFE = timedelta(days=7)
"""And however much it is used, so long after signing in."""

SEEN_EVERY = timedelta(minutes=5)
"""How exactly `seen_at` is kept: a write for each request would be too many."""


def open_session(staff_id: int, address: str, agent: str) -> str:
    """Start a session; returns the token for the browser's cookie. Only its hash is stored."""
    token = secrets.token_urlsafe(32)
    with unit_of_work():
        row = StaffSession(staff_id=staff_id, token_sha256=_hash(token), address=address[:60], agent=agent[:200])
        db.session.add(row)
    return token


@dataclass(frozen=True)
class Held:
    """Who holds a session, with roles and schools as they are now, and when it was last noted as used."""

    staff: Staff
    seen_at: datetime


_LIVE = select(StaffSession).where(
    StaffSession.staff_id == bindparam("staff_id"),
    StaffSession.ended_at.is_(None),
    StaffSession.seen_at > bindparam("used_after"),
    StaffSession.created_at > bindparam("begun_after"),
)
_HOLDER = (
    _LIVE.join(Staff, Staff.id == StaffSession.staff_id)
    .where(StaffSession.token_sha256 == bindparam("token"), Staff.active)
    .with_only_columns(Staff, StaffSession.seen_at)
    .options(joinedload(Staff.role_rows), joinedload(Staff.school_rows))
)


def _lives(staff_id: int) -> dict[str, Any]:
    """What `_LIVE` leaves open."""
    moment = now()
    return {"staff_id": staff_id, "used_after": moment - IDLE, "begun_after": moment - LIFE}


def holder(staff_id: int, token: str) -> Held | None:
    """The active member of staff whose session this is, or None when it was ended, is too old, or is not theirs.

    They are read once, at the door, and taken out of the database session: a unit of work, which forgets what was read
    before it, would otherwise read them again with roles and schools, several times a request.
    """
    row = db.session.execute(_HOLDER, _lives(staff_id) | {"token": _hash(token)}).unique().first()
    if row is None:
        return None
    staff, seen_at = row
    db.session.expunge(staff)
    return Held(staff, seen_at)


def seen(token: str, last: datetime) -> None:
    """Note that a session is in use, at most every five minutes; `last` is when that was noted before.

    A busy database stops nobody here: the next request notes it.
    """
    if last >= now() - SEEN_EVERY:
        return
    try:
        with unit_of_work():
            mine = StaffSession.token_sha256 == _hash(token)
            db.session.execute(update(StaffSession).where(mine).values(seen_at=now()))
    except OperationalError as error:
        if not only_busy(error):
            raise


def live(staff_id: int) -> Sequence[StaffSession]:
    """The sessions that still work, the latest used first."""
    return db.session.scalars(_LIVE.order_by(StaffSession.seen_at.desc()), _lives(staff_id)).all()


def is_current(row: StaffSession, token: str) -> bool:
    """Whether this row is the session of the browser that holds `token`."""
    return row.token_sha256 == _hash(token)


def end(staff_id: int, session_id: int) -> None:
    """End one session of this member of staff; another's is left alone."""
    with unit_of_work():
        _end(staff_id, StaffSession.id == session_id)


def end_by_token(staff_id: int, token: str) -> None:
    """End the session of this browser: signing out."""
    with unit_of_work():
        _end(staff_id, StaffSession.token_sha256 == _hash(token))


def end_all(staff_id: int, *, but: str = "") -> None:
    """End all sessions, but the one with this token. Inside a unit."""
    _end(staff_id, StaffSession.token_sha256 != _hash(but))


def _end(staff_id: int, which: object) -> None:
    db.session.execute(
        update(StaffSession)
        .where(StaffSession.staff_id == staff_id, StaffSession.ended_at.is_(None), which)  # type: ignore[arg-type]
        .values(ended_at=now())
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
