"""Collection codes: read by a worker, kept as uploaded, held by one live order at a time."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.extensions import db
from app.models import CodeImage, Order
from app.rules.collection_code import other_kind
from app.services.photos.prechecks import STARTS_ALLOWED
from app.services.transitions import touch
from app.services.unit import Unit, unit_of_work

DEADLINE = timedelta(seconds=60)

TRIES = 3
"""After so many unreadable pictures the student may go on; the reviewer sees 未识别."""


def queue_read(unit: Unit, code: CodeImage) -> None:
    """Have an uploaded picture read once this unit is kept."""
    db.session.flush()
    code_id, attempt = code.id, code.attempt
    unit.after_commit(lambda: enqueue_read(code_id, attempt))


def enqueue_read(code_id: int, attempt: int) -> bool:
    """Put the reading job on the queue."""
    return enqueue("code", "code.read_code", code_id, job_id=f"code-{code_id}-{attempt}")


def claim(code_id: int) -> CodeImage | None:
    """Take a waiting picture; None when it is read, or another worker has it within its deadline."""
    with unit_of_work():
        lost = or_(CodeImage.started_at.is_(None), CodeImage.started_at < now() - DEADLINE)
        taken = db.session.execute(
            update(CodeImage)
            .where(CodeImage.id == code_id, CodeImage.read_at.is_(None), lost)
            .values(started_at=now(), attempt=CodeImage.attempt + 1)
        )
        mine = taken.rowcount == 1  # type: ignore[attr-defined]
    return db.session.get(CodeImage, code_id) if mine else None


def keep(code_id: int, payload: bytes | None, fault: str | None) -> None:
    """Store what was read. A payload that another live order holds is refused with the fault `used`."""
    try:
        _keep(code_id, payload, fault)
    except IntegrityError:  # two orders read the same code at once: the database lets one hold it
        _keep(code_id, None, "used", payload)


def again(code_id: int, attempt: int) -> None:
    """No checker was to be had: the picture waits again, and after several attempts counts as unreadable."""
    if attempt >= STARTS_ALLOWED:
        keep(code_id, None, "unreadable_file")
        return
    with unit_of_work() as unit:
        code = db.session.get_one(CodeImage, code_id)
        if code.read_at is None and code.attempt == attempt:
            code.started_at = None
            queue_read(unit, code)


def _keep(code_id: int, payload: bytes | None, fault: str | None, claimed: bytes | None = None) -> None:
    with unit_of_work():
        code = db.session.get_one(CodeImage, code_id)
        if code.read_at is not None or code.released_at is not None:
            return
        order = db.session.get_one(Order, code.order_id)
        if payload is not None and other_kind(payload):
            payload, fault = None, "wrong_kind"
        if payload is not None and _held_by_other(order, payload):
            payload, fault, claimed = None, "used", payload
        code.read_at, code.fault, code.payload, code.claimed = now(), fault, payload, claimed
        code.payload_sha256 = hashlib.sha256(payload).hexdigest() if payload is not None else None
        tries = order.code_tries + (0 if payload is not None else 1)
        touch(order, code_tries=tries, code_unreadable=payload is None and fault != "used" and tries >= TRIES)


def _held_by_other(order: Order, payload: bytes) -> bool:
    return holder(payload, order.id) is not None


def holder(payload: bytes, but_order_id: int) -> CodeImage | None:
    """The picture by which another live order holds this payload."""
    digest = hashlib.sha256(payload).hexdigest()
    query = select(CodeImage).where(
        CodeImage.payload_sha256 == digest, CodeImage.released_at.is_(None), CodeImage.order_id != but_order_id
    )
    return db.session.scalar(query.limit(1))


def requeue_lost() -> int:
    """Queue again what waits unread: past its deadline, or without a job. Returns how many."""
    with unit_of_work() as unit:
        lost = or_(CodeImage.started_at.is_(None), CodeImage.started_at < now() - DEADLINE)
        waiting = db.session.scalars(
            select(CodeImage).where(CodeImage.read_at.is_(None), CodeImage.released_at.is_(None), lost)
        ).all()
        for code in waiting:
            queue_read(unit, code)
    return len(waiting)
