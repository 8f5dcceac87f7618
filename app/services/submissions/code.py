"""The collection-code step."""

from __future__ import annotations

import hashlib
import secrets

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import CodeImage
from app.services import audit, codes
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
        touch(order, code_unreadable=False)
        codes.queue_read(unit, made)
    return made


def ask_person_for_code(account_id: int, number: str) -> None:
    """申请人工处理 for a collection code that another order holds, or that cannot be read."""
    with unit_of_work():
        order = owned(account_id, number)
        must_be_editable(order)
        audit.note(None, "code.help_wanted", f"order-{order.id}")
