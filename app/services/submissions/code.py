"""The collection-code step."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import Audit, CodeImage, Order
from app.services import audit, codes
from app.services.submissions.shown import owned
from app.services.submissions.uploads import must_be_editable, picture_suffix
from app.services.transitions import touch
from app.services.unit import unit_of_work

HELP_WANTED = "code.help_wanted"


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
        touch(order, code_unreadable=False)
        codes.queue_read(unit, made)
    return made


def ask_person_for_code(account_id: int, number: str) -> None:
    """申请人工处理 for a collection code that another order holds, or that cannot be read."""
    with unit_of_work():
        order = owned(account_id, number)
        must_be_editable(order)
        if not code_help_asked(order):
            audit.note(None, HELP_WANTED, f"order-{order.id}")


def code_help_asked(order: Order) -> bool:
    """Whether staff were asked to look at this order's collection code."""
    query = select(Audit.id).where(Audit.action == HELP_WANTED, Audit.subject == f"order-{order.id}")
    return db.session.scalar(query.limit(1)) is not None
