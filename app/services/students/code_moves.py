"""申请人工处理 for a collection code that another order holds: both sides for staff, moving the code, or refusing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.models import CodeImage, Order, RequestKind, RequestState, Staff, StudentRequest
from app.rules.faults import ActionNotAllowed, NotAllowed, StaleOrder
from app.rules.states import EDITABLE, OrderState
from app.rules.text import N_
from app.services import audit, notices
from app.services.photos import codes
from app.services.students import student_requests
from app.services.submissions.shown import state_shown
from app.services.transitions import touch
from app.services.unit import Unit, unit_of_work

GIVES = EDITABLE | {OrderState.PENDING_PAYMENT, OrderState.PENDING_REVIEW}
"""States in which an order may lose its code: nothing was approved with it, and its student can upload another."""


@dataclass(frozen=True)
class Dispute:
    """One request with both orders; `held` is the other order's picture, none when it was let go meanwhile."""

    request: StudentRequest
    order: Order
    code: CodeImage
    held: CodeImage | None
    elsewhere: bool
    """Whether the other order belongs to a school that this person is not for."""

    @property
    def other(self) -> Order | None:
        return self.held.order if self.held is not None else None

    @property
    def obstacle(self) -> str:
        """Why the code cannot be moved now, as a sentence for staff, or nothing."""
        if self.elsewhere:
            return N_("采集码在其他学校的订单上，请由负责全部学校的组长或管理员处理")
        if state_shown(self.order) not in EDITABLE:
            return N_("申请人的订单现在不能修改，无法转入采集码")
        if self.code.claimed is None or self.code.released_at is not None:
            return N_("申请人需要重新上传采集码图片，才能转移")
        if self.other is not None and self.other.state not in GIVES:
            return N_("对方订单已审核通过，请先召回复审，再转移采集码")
        return ""


def dispute(staff: Staff, request_id: int) -> Dispute:
    """Both sides of a request. Raises NotFound for one that this person may not see."""
    row = student_requests.find(staff, request_id, RequestKind.CODE)
    assert row.order is not None and row.code is not None
    held = codes.holder(row.code.claimed, row.order.id) if row.code.claimed else None
    elsewhere = held is not None and not staff.sees(held.order.school_id)
    return Dispute(row, row.order, row.code, held, elsewhere)


def move(staff: Staff, request_id: int, text: str, seen: tuple[int, int]) -> None:
    """Give the code to the order that asks; the other one loses it, and its student is told.

    `seen` are both orders' versions as they stood on the page (0: no other order). The same answer again changes
    nothing. Raises StaleOrder when either moved, ActionNotAllowed for an obstacle.
    """
    try:
        with unit_of_work() as unit:
            found = dispute(staff, request_id)
            if _repeated(found.request, text):
                return
            if seen != (found.order.version, found.other.version if found.other else 0):
                raise StaleOrder
            if found.obstacle:
                raise ActionNotAllowed(found.obstacle)
            if student_requests.answer(unit, staff, found.request, True, text):
                _move(unit, staff, found)
    except IntegrityError:  # a third order took it this very moment
        raise StaleOrder from None


def _repeated(row: StudentRequest, text: str) -> bool:
    return (row.state, row.answer) == (RequestState.GRANTED, text.strip()[: student_requests.ANSWER_LONGEST])


def _move(unit: Unit, staff: Staff, found: Dispute) -> None:
    if found.held is not None:
        found.held.released_at = now()
        touch(found.held.order)
        audit.note(staff, "code.taken", f"order-{found.held.order.id}", f"order-{found.order.id}")
        if found.held.order.account_id is not None:
            notices.order_moved(unit, found.held.order, "code_taken")
    payload = found.code.claimed or b""
    found.code.payload, found.code.claimed, found.code.fault = payload, None, None
    found.code.payload_sha256 = hashlib.sha256(payload).hexdigest()
    touch(found.order, code_unreadable=False)


def refuse(staff: Staff, request_id: int, text: str) -> None:
    """Leave the code where it is; the student reads why. The same answer again changes nothing."""
    with unit_of_work() as unit:
        found = dispute(staff, request_id)
        if found.elsewhere:
            raise NotAllowed(found.obstacle)
        student_requests.answer(unit, staff, found.request, False, text)
