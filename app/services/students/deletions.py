"""Deletion on request: what would go and what stays, the decision, and carrying it out as often as it takes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import exists, select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import (
    Account,
    BatchItem,
    CheckState,
    Consent,
    Order,
    Outbox,
    Photo,
    RequestKind,
    RequestState,
    Staff,
    StudentRequest,
)  # fmt: skip
from app.rules.states import OrderState
from app.rules.text import N_
from app.services import audit, notices
from app.services.money import ledger
from app.services.rounds import patiently
from app.services.students import erasure, student_requests
from app.services.unit import unit_of_work
from app.services.upkeep import expiry

log = logging.getLogger(__name__)

DELIVERED = N_("已交付学校与学信网：已交出的无法收回，批次文件须能核对，按批次的保存期限删除")
FROZEN = N_("已编入制作批次：批次内容已固定，交付后按批次的保存期限删除")
GONE = N_("已经删除")
UNPAID = N_("取消订单，删除照片、采集码和填写的信息")
UNFINISHED = N_("关闭订单，删除照片、采集码和填写的信息")
REFUND = N_("关闭订单并原路退款，删除照片、采集码和填写的信息")
ENDED = N_("删除照片、采集码和填写的信息")

STAYS: Sequence[tuple[str, str]] = (
    (N_("支付与退款记录"), N_("交易记录依法至少保存三年（电子商务法第三十一条），其中没有照片和证件号")),
    (N_("同意与撤回的记录"), N_("证明处理依据，至少保存三年（个人信息保护法第五十六条），不再与个人关联")),
    (N_("订单的状态与时间"), N_("用于统计与对账，不含姓名和照片")),
    (N_("学校提供的学生名单"), N_("由学校管理，按批次的保存期限删除；请学生向学校提出")),
)
"""What a deletion leaves, whoever asks: what it is, and why."""


@dataclass(frozen=True)
class Fate:
    """What a deletion means for one order; one that stays goes by itself after `until`."""

    order: Order
    goes: bool
    why: str
    until: date | None = None


def ask(account_id: int) -> None:
    """The student wants their data deleted."""
    with unit_of_work():
        student_requests.ask(RequestKind.DELETION, account_id)


def fates(account_id: int, before: datetime | None = None) -> list[Fate]:
    """What a deletion would do to each order, or to those begun `before` its answer, the newest first. Writes nothing.

    Who begins anew afterwards has agreed again: nobody was asked to delete that.
    """
    query = select(Order).where(Order.account_id == account_id).order_by(Order.id.desc())
    orders = db.session.scalars(query.where(Order.created_at < before) if before else query).all()
    held = erasure.holding([order.id for order in orders])
    return [_fate(order, order.id in held) for order in orders]


def _fate(order: Order, holds: bool) -> Fate:
    state, until = OrderState(order.state), order.campaign.closes + timedelta(days=order.campaign.retention_days)
    if not holds and state.value in erasure.FINISHED:
        return Fate(order, False, GONE)
    if state is OrderState.COMPLETED:
        return Fate(order, False, DELIVERED, until)
    if state is OrderState.IN_PRODUCTION or _in_batch(order.id):
        return Fate(order, False, FROZEN, until)
    if state in (OrderState.DRAFT, OrderState.PENDING_PAYMENT):
        return Fate(order, True, UNPAID)
    if state in expiry.CLOSABLE:
        return Fate(order, True, REFUND if ledger.paid(order.id) else UNFINISHED)
    return Fate(order, True, ENDED)


def _in_batch(order_id: int) -> bool:
    """Whether a batch that was not discarded holds the order, superseded there or not."""
    query = select(exists().where(BatchItem.order_id == order_id, BatchItem.released_at.is_(None)))
    return bool(db.session.scalar(query))


def decide(staff: Staff, request_id: int, granted: bool, text: str) -> None:
    """Answer a request, in one transaction. Granted, both consents end at once; the sweep carries the rest out.

    The same answer again changes nothing. Raises NotFound, Invalid, ActionNotAllowed as `student_requests` does.
    """
    with unit_of_work() as unit:
        row = student_requests.find(staff, request_id, RequestKind.DELETION)
        if student_requests.answer(unit, staff, row, granted, text) and granted:
            db.session.execute(
                update(Consent)
                .where(Consent.account_id == row.account_id, Consent.withdrawn_at.is_(None))
                .values(withdrawn_at=now())
            )


def carry_out_due() -> int:
    """Carry out what was granted, then erase accounts that nothing is left of. Returns how many came to their end."""
    granted = db.session.scalars(
        select(StudentRequest.id).where(
            StudentRequest.kind == RequestKind.DELETION.value,
            StudentRequest.state == RequestState.GRANTED.value,
            StudentRequest.done_at.is_(None),
        )
    ).all()
    done = list[bool]()
    patiently([*granted, *_came_back()], lambda request_id: done.append(carry_out(request_id)))
    patiently(_answers_read(), lambda account_id: done.append(erasure.erase_account(account_id)))
    return sum(done)


def _came_back() -> Sequence[int]:
    """Requests that were carried out but for an order in a batch, which holds it no longer: it was discarded."""
    held = exists().where(BatchItem.order_id == Order.id, BatchItem.released_at.is_(None))
    query = (
        select(StudentRequest.id)
        .join(Order, Order.account_id == StudentRequest.account_id)
        .where(
            StudentRequest.kind == RequestKind.DELETION.value,
            StudentRequest.state == RequestState.GRANTED.value,
            StudentRequest.done_at.is_not(None),
            Order.created_at < StudentRequest.decided_at,
            Order.state.not_in([OrderState.IN_PRODUCTION.value, OrderState.COMPLETED.value]),
            erasure.holds_person(),
            ~held,
        )
    )
    return db.session.scalars(query.distinct()).all()


def _answers_read() -> Sequence[int]:
    """Accounts that may go now: granted, carried out, and the answer could be read; not a look at every account."""
    query = (
        select(StudentRequest.account_id)
        .join(Account, Account.id == StudentRequest.account_id)
        .where(
            StudentRequest.kind == RequestKind.DELETION.value,
            StudentRequest.done_at.is_not(None),
            StudentRequest.decided_at <= now() - erasure.ANSWER_READ,
            Account.erased_at.is_(None),
        )
    )
    return db.session.scalars(query.distinct()).all()


def carry_out(request_id: int) -> bool:
    """End and erase what may go. False when something is not ready: the next sweep goes on where this one stopped.

    The answer is sent first, because the address goes too. What an order waits for: WeChat to close a payment, or
    the checker to put a photo down. One that was in a batch goes when the batch is discarded, done or not.
    """
    row = db.session.get_one(StudentRequest, request_id)
    if not _told(row):
        return False
    account_id, answered, done = row.account_id, row.decided_at, row.done_at
    for order_id in [fate.order.id for fate in fates(account_id, answered) if fate.goes]:
        expiry.end(order_id, "学生申请删除数据")
        if _at_rest(order_id):
            erasure.erase_order(order_id)
    if any(fate.goes for fate in fates(account_id, answered)):
        return False
    with unit_of_work():
        row = db.session.get_one(StudentRequest, request_id, with_for_update=True)
        if row.done_at != done:  # another sweep was first
            return False
        row.done_at = done or now()
        audit.note(None, "deletion.carried_out", f"request-{request_id}")
    return True


def _told(row: StudentRequest) -> bool:
    """Whether the answer was sent, or every try has failed."""
    notice = db.session.scalar(select(Outbox).where(Outbox.dedupe == student_requests.notice_key(row)))
    return notice is None or notice.sent_at is not None or notice.attempts >= notices.ATTEMPTS


def _at_rest(order_id: int) -> bool:
    """Ended, and no worker holds a photo of it that would be written again."""
    waits = exists().where(
        Photo.order_id == order_id, Photo.check_state.in_([CheckState.QUEUED.value, CheckState.RUNNING.value])
    )
    query = select(Order.id).where(Order.id == order_id, Order.state.in_(erasure.FINISHED), ~waits)
    return db.session.scalar(query) is not None
