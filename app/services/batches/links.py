"""Addresses at which a batch is fetched, and that expire; every download leaves a row.

A *ticket* is for somebody who is signed in: it works a quarter of an hour, for that person. A *link* is for a receiver
without an account: it lives some days, needs a code that is sent by another way, and can be revoked.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from itsdangerous import BadSignature, TimestampSigner
from sqlalchemy import select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import Batch, BatchLink, Staff
from app.rules.faults import Invalid, NotAllowed, NotFound
from app.rules.text import N_
from app.services import audit
from app.services.batches.files import here, is_here
from app.services.batches.finding import by_number
from app.services.batches.receiving import delivered_to
from app.services.unit import unit_of_work

TICKET_SECONDS = 900

DAYS = (1, 3, 7)
"""How long a link may live."""

WRONG_CODES = 5
"""After so many wrong codes a link is dead: guessing 8 of 31 characters is hopeless long before."""

_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread on the telephone


@dataclass(frozen=True)
class NewLink:
    """Shown once; only hashes are kept."""

    token: str
    code: str


def _signer() -> TimestampSigner:
    return TimestampSigner(current_app.config["SECRET_KEY"], salt="batch-download")


def make_ticket(staff: Staff, number: str) -> str:
    """A token that lets this person download this batch for TICKET_SECONDS seconds. Issuing it is logged."""
    batch_id = delivered_to(staff, number).id
    with unit_of_work():
        audit.note(staff, "batch.link_made", f"batch-{batch_id}")
    return _signer().sign(f"{staff.id}.{batch_id}").decode()


def open_ticket(staff: Staff, token: str) -> Batch:
    """The batch behind a token made for this person that still works; the download is logged. Raises NotFound."""
    try:
        staff_id, batch_id = _signer().unsign(token, max_age=TICKET_SECONDS).decode().split(".")
    except (BadSignature, ValueError):
        raise NotFound(N_("下载链接已失效，请返回批次页面重新获取")) from None
    batch = db.session.get(Batch, int(batch_id))
    if int(staff_id) != staff.id or batch is None or not is_here(batch):
        raise NotFound(N_("下载链接已失效，请返回批次页面重新获取"))
    number = delivered_to(staff, batch.number).number
    with unit_of_work():
        audit.note(staff, "batch.downloaded", f"batch-{batch_id}")
    return delivered_to(staff, number)


def make_link(number: str, days: int, receiver: str, staff: Staff) -> NewLink:
    """A download address and its code, for a receiver without an account. Raises Invalid, NotFound."""
    if days not in DAYS:
        raise Invalid(fields={"days": N_("请选择链接的有效期")})
    if not receiver.strip():
        raise Invalid(fields={"receiver": N_("请填写收件人")})
    token, code = secrets.token_urlsafe(32), "".join(secrets.choice(_LETTERS) for _ in range(8))
    staff_id = staff.id
    with unit_of_work():
        batch = by_number(number, db.session.get_one(Staff, staff_id))
        here(batch)
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
    here(link.batch)
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
