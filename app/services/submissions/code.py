"""The collection-code step."""

from __future__ import annotations

import hashlib
import secrets

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import CodeImage, RequestKind, StudentRequest
from app.rules.faults import ActionNotAllowed
from app.rules.text import N_
from app.services.photos import codes
from app.services.students import student_requests
from app.services.submissions.shown import owned
from app.services.submissions.uploads import must_be_editable, picture_suffix
from app.services.transitions import touch
from app.services.unit import unit_of_work


def upload_code(account_id: int, number: str, data: bytes) -> CodeImage:
    """Keep a collection-code picture unmodified and have it read; it replaces an earlier one."""
    order = owned(account_id, number)
    must_be_editable(order)
    suffix = picture_suffix(data)
    key = f"codes/{order.number}/{secrets.token_hex(8)}.{suffix}"
    storage().put(key, data)
    with unit_of_work() as unit:
        order = owned(account_id, number)
        must_be_editable(order)
        for code in order.codes:
            code.released_at = code.released_at or now()
        made = CodeImage(order_id=order.id, key=key, suffix=suffix, sha256=hashlib.sha256(data).hexdigest())
        db.session.add(made)
        student_requests.drop(StudentRequest.order_id == order.id)
        touch(order, code_unreadable=False)
        codes.queue_read(unit, made)
    return made


def ask_person_for_code(account_id: int, number: str) -> None:
    """申请人工处理 for a collection code that another order holds; once for each picture.

    Raises ActionNotAllowed when nobody else holds it.
    """
    with unit_of_work():
        order = owned(account_id, number)
        must_be_editable(order)
        code = order.code
        if code is None or code.fault != "used":
            raise ActionNotAllowed(N_("只有已被另一个订单使用的采集码才需要人工处理"))
        if student_requests.about_code(code) is None:
            student_requests.ask(RequestKind.CODE, account_id, order.id, code.id)
