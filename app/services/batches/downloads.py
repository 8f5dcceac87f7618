"""Fetching a batch: by staff, or with a link that expires; every download leaves a row."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import Batch, BatchLink, BatchState, Staff
from app.rules.faults import Invalid, NotAllowed, NotFound
from app.rules.text import N_
from app.services import audit
from app.services.batches.finding import DELIVERED, by_number
from app.services.unit import unit_of_work

DAYS = (1, 3, 7)
"""How long a link may live."""

WRONG_CODES = 5
"""After so many wrong codes a link is dead: guessing 8 of 31 characters is hopeless long before."""

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread on the telephone
BUILT = (BatchState.READY.value, *DELIVERED)


@dataclass(frozen=True)
class NewLink:
    """Shown once; only hashes are kept."""

    token: str
    code: str


def download(number: str, staff: Staff) -> Batch:
    """A batch whose files are sent to this producer now. Logged. Raises NotFound when they are not on this machine."""
    batch = _there(by_number(number, staff))
    batch_id = batch.id
    with unit_of_work():
        audit.note(staff, "batch.downloaded", f"batch-{batch_id}")
    return by_number(number)


def is_here(batch: Batch) -> bool:
    """Whether its files lie on this machine."""
    return bool(batch.path) and batch.state in BUILT and Path(batch.path or "").exists()


def _there(batch: Batch) -> Batch:
    if not is_here(batch):
        raise NotFound(N_("批次文件不在本机，请先重新生成"))
    return batch


def make_link(number: str, days: int, receiver: str, staff: Staff) -> NewLink:
    """A download address and its code, for a receiver without an account. Raises Invalid, NotFound."""
    if days not in DAYS:
        raise Invalid(N_("请选择链接的有效期"))
    if not receiver.strip():
        raise Invalid(N_("请填写收件人"), {"receiver": N_("请填写收件人")})
    token, code = secrets.token_urlsafe(32), "".join(secrets.choice(_LETTERS) for _ in range(8))
    staff_id = staff.id
    with unit_of_work():
        batch = by_number(number, db.session.get_one(Staff, staff_id))
        _there(batch)
        db.session.add(
            BatchLink(batch_id=batch.id, token_sha256=_sha256(token), code_sha256=_sha256(f"{token}/{code}"),
                      receiver=receiver.strip()[:100], staff_id=staff_id, expires_at=now() + timedelta(days=days))
        )  # fmt: skip
        audit.note_id(staff_id, "batch.link_made", f"batch-{batch.id}")
    return NewLink(token, code)


def revoke_link(link_id: int, staff: Staff) -> None:
    """The link is dead from now on. Raises NotFound."""
    staff_id = staff.id
    with unit_of_work():
        link = db.session.get(BatchLink, link_id)
        if link is None:
            raise NotFound
        by_number(link.batch.number, db.session.get_one(Staff, staff_id))
        link.revoked_at = link.revoked_at or now()
        audit.note_id(staff_id, "batch.link_revoked", f"batch-{link.batch_id}")


def open_link(token: str) -> BatchLink:
    """The living link behind a token. Raises NotFound, the same for one that never was, expired or was revoked."""
    link = db.session.scalar(select(BatchLink).where(BatchLink.token_sha256 == _sha256(token)))
    if link is None or link.revoked_at is not None or link.expires_at <= now() or link.wrong_codes >= WRONG_CODES:
        raise NotFound(N_("下载链接无效或已过期，请联系发送人"))
    _there(link.batch)
    return link


def download_by_link(token: str, code: str) -> Batch:
    """A batch whose files are sent to whoever holds the link and its code. Logged.

    Raises NotFound as `open_link` does, NotAllowed for a wrong code, which is counted.
    """
    with unit_of_work():
        link = open_link(token)
        number = link.batch.number
        right = secrets.compare_digest(link.code_sha256, _sha256(f"{token}/{code.strip().upper()}"))
        if right:
            audit.note(None, "batch.downloaded", f"batch-{link.batch_id}", link.receiver)
        else:
            counted = update(BatchLink).where(BatchLink.id == link.id).values(wrong_codes=BatchLink.wrong_codes + 1)
            db.session.execute(counted)
    if not right:
        raise NotAllowed(N_("提取码不正确"))
    return by_number(number)


def links_of(batch: Batch) -> Sequence[BatchLink]:
    """Every link of a batch, newest first."""
    query = select(BatchLink).where(BatchLink.batch_id == batch.id).order_by(BatchLink.id.desc())
    return db.session.scalars(query).all()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
