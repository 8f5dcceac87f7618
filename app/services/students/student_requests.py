"""What students ask of staff: asking, the list for staff within their schools, and writing down the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import Account, CodeImage, Order, RequestKind, RequestState, Staff, StudentRequest
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.text import N_
from app.services import audit, notices
from app.services.unit import Unit

ANSWER_WITHIN = timedelta(days=15)
"""What we promise for a deletion, in calendar days. The law asks for promptness and names no number
(网络数据安全管理条例 art. 23); this stays below the 15 working days that apps are commonly held to."""

ANSWER_LONGEST = 500
ANSWERED_SHOWN = 50


def ask(kind: RequestKind, account_id: int, order_id: int | None = None, code_id: int | None = None) -> None:
    """Ask once: while a request of this kind is open, asking again changes nothing. Inside a unit.

    The account's row is locked, so that two taps at once ask once.
    """
    db.session.get_one(Account, account_id, with_for_update=True)
    if db.session.scalar(_open(kind, account_id, order_id).limit(1)) is None:
        db.session.add(StudentRequest(kind=kind.value, account_id=account_id, order_id=order_id, code_id=code_id))


def _open(kind: RequestKind, account_id: int, order_id: int | None) -> Select[int]:
    return select(StudentRequest.id).where(
        StudentRequest.kind == kind.value,
        StudentRequest.state == RequestState.OPEN.value,
        StudentRequest.account_id == account_id,
        StudentRequest.order_id == order_id if order_id else StudentRequest.order_id.is_(None),
    )


def drop(*where: ColumnElement[bool]) -> None:
    """Open requests whose matter has gone need no answer. Inside a unit."""
    db.session.execute(
        update(StudentRequest)
        .where(StudentRequest.state == RequestState.OPEN.value, *where)
        .values(state=RequestState.DROPPED.value, decided_at=now())
    )


def of_account(account_id: int, kind: RequestKind) -> Sequence[StudentRequest]:
    """A student's requests of one kind, the newest first."""
    return db.session.scalars(
        select(StudentRequest)
        .where(StudentRequest.account_id == account_id, StudentRequest.kind == kind.value)
        .order_by(StudentRequest.id.desc())
    ).all()


def about_code(code: CodeImage | None) -> StudentRequest | None:
    """The newest request about this picture of a collection code."""
    if code is None:
        return None
    query = select(StudentRequest).where(StudentRequest.code_id == code.id).order_by(StudentRequest.id.desc())
    return db.session.scalar(query.limit(1))


def answer_by(row: StudentRequest) -> datetime | None:
    """When a deletion has to be answered; a collection code has no legal time."""
    return row.asked_at + ANSWER_WITHIN if row.kind == RequestKind.DELETION else None


def overdue() -> int:
    """How many deletions wait longer than promised."""
    query = select(func.count()).where(
        StudentRequest.kind == RequestKind.DELETION.value,
        StudentRequest.state == RequestState.OPEN.value,
        StudentRequest.asked_at < now() - ANSWER_WITHIN,
    )
    return db.session.scalar(query) or 0


def waiting(staff: Staff) -> Sequence[StudentRequest]:
    """Open requests that this person may answer, the oldest first."""
    query = _within(staff).where(StudentRequest.state == RequestState.OPEN.value)
    return db.session.scalars(query.order_by(StudentRequest.asked_at, StudentRequest.id)).all()


def answered(staff: Staff) -> Sequence[StudentRequest]:
    """The last answers, the newest first."""
    decided = StudentRequest.state.in_([RequestState.GRANTED.value, RequestState.REFUSED.value])
    query = _within(staff).where(decided, StudentRequest.staff_id.is_not(None))
    return db.session.scalars(query.order_by(StudentRequest.decided_at.desc()).limit(ANSWERED_SHOWN)).all()


def find(staff: Staff, request_id: int, kind: RequestKind) -> StudentRequest:
    """One request that this person may answer. Raises NotFound for any other."""
    query = _within(staff).where(StudentRequest.id == request_id, StudentRequest.kind == kind.value)
    found: StudentRequest | None = db.session.scalar(query)
    if found is None:
        raise NotFound(N_("没有这项申请"))
    return found


def orders_of(rows: Sequence[StudentRequest]) -> dict[int, list[Order]]:
    """What each request is about, by its id: the order, or every order of the account, the newest first."""
    ids = {row.account_id for row in rows}
    orders = db.session.scalars(select(Order).where(Order.account_id.in_(ids)).order_by(Order.id.desc())).all()
    return {
        row.id: [order for order in orders if row.order_id in (None, order.id) and order.account_id == row.account_id]
        for row in rows
    }


def _within(staff: Staff) -> Select[Any]:
    """Whoever is bound to schools answers what concerns these schools alone: every order of an account that asks for
    its deletion, both orders of a collection code."""
    query = select(StudentRequest)
    if not staff.school_ids:
        return query
    theirs = Order.school_id.in_(staff.school_ids)
    deletion = and_(
        StudentRequest.kind == RequestKind.DELETION.value,
        exists().where(Order.account_id == StudentRequest.account_id, theirs),
        ~exists().where(Order.account_id == StudentRequest.account_id, ~theirs),
    )
    code = exists().where(Order.id == StudentRequest.order_id, theirs)
    return query.where(or_(deletion, code))


def answer(unit: Unit, staff: Staff, row: StudentRequest, granted: bool, text: str) -> bool:
    """Write the answer down, log it and tell the student. False, and nothing done, when the same was answered before.

    Inside a unit. Raises Invalid without a written answer, ActionNotAllowed when it was answered otherwise.
    """
    text, outcome = text.strip()[:ANSWER_LONGEST], RequestState.GRANTED if granted else RequestState.REFUSED
    if len(text) < 2:
        raise Invalid(fields={"answer": N_("请写明答复，学生会看到")})
    db.session.refresh(row, with_for_update=True)
    if row.state != RequestState.OPEN:
        if (row.state, row.answer) == (outcome, text):
            return False
        raise ActionNotAllowed(N_("这项申请刚刚已有答复"))
    row.state, row.answer, row.staff_id, row.decided_at = outcome.value, text, staff.id, now()
    audit.note(staff, f"{row.kind}.{outcome.value}", f"request-{row.id}")
    _tell(unit, row, f"{row.kind}_{outcome.value}")
    return True


def notice_key(row: StudentRequest) -> str:
    """The outbox's name for the answer's notice."""
    return f"request-{row.id}"


def _tell(unit: Unit, row: StudentRequest, kind: str) -> None:
    """By the order that is asked about, else by the newest order that still knows an address."""
    order_id = row.order_id or _reachable(row.account_id)
    if order_id is not None:
        notices.tell(unit, kind, {"order": order_id, "request": row.id}, notice_key(row))


def _reachable(account_id: int) -> int | None:
    orders = db.session.scalars(select(Order).where(Order.account_id == account_id).order_by(Order.id.desc())).all()
    known = [order.id for order in orders if order.form is not None and order.form.email]
    return next(iter(known + [order.id for order in orders]), None)
