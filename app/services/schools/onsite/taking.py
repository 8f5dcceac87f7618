"""Taking a studio's files: each goes to its order or into the tray, and the same bytes are taken once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.extensions import db
from app.models import IntakePhoto, IntakeState, Order, Photo, Staff
from app.rules.faults import Fault
from app.services import submissions
from app.services.schools.onsite import tray
from app.services.schools.onsite.owners import NOT_EDITABLE, whose

IMPORTED, KNOWN, UNMATCHED, REFUSED = "imported", "already there", "unmatched", "refused"


@dataclass(frozen=True)
class Taken:
    """What became of one file; `cause` is a sentence's key for what waits or is refused."""

    outcome: str
    cause: str = ""
    number: str = ""


def take(campaign_id: int, name: str, data: bytes, mapping: Mapping[str, str], staff: Staff | None = None) -> Taken:
    """Take one file of a studio's folder. Harmless twice."""
    try:
        submissions.picture_suffix(data)
    except Fault as fault:
        return Taken(REFUSED, fault.sentence % fault.values)
    digest = hashlib.sha256(data).hexdigest()
    waiting = tray.kept(campaign_id, digest)
    if _attached(campaign_id, digest) or (waiting is not None and waiting.state == IntakeState.DROPPED):
        return Taken(KNOWN)
    told = mapping.get(name.casefold(), "")
    order, cause = whose(campaign_id, name, told)
    if waiting is not None:
        if order is None or cause:
            return Taken(KNOWN)
        tray.assign(waiting.id, order.number, staff)
        return Taken(IMPORTED, number=order.number)
    if order is None or cause:
        tray.keep(campaign_id, name, told, data, digest, cause)
        return Taken(UNMATCHED, cause)
    try:
        submissions.add_onsite_photo(order.id, data)
    except Fault:  # the student submitted in this very moment
        tray.keep(campaign_id, name, told, data, digest, NOT_EDITABLE)
        return Taken(UNMATCHED, NOT_EDITABLE)
    return Taken(IMPORTED, number=order.number)


def known(campaign_id: int, digests: Sequence[str]) -> list[str]:
    """Which of these files (SHA-256) are there already: the page does not send them again."""
    wanted = [digest for digest in digests[:2000] if re.fullmatch(r"[0-9a-f]{64}", digest)]
    held = select(IntakePhoto.sha256).where(IntakePhoto.campaign_id == campaign_id, IntakePhoto.sha256.in_(wanted))
    attached = (
        select(Photo.original_sha256)
        .join(Order, Order.id == Photo.order_id)
        .where(Order.campaign_id == campaign_id, Photo.original_sha256.in_(wanted))
    )
    return sorted({*db.session.scalars(held), *db.session.scalars(attached)})


def _attached(campaign_id: int, digest: str) -> bool:
    query = select(Photo.id).join(Order, Order.id == Photo.order_id)
    return (
        db.session.scalar(query.where(Order.campaign_id == campaign_id, Photo.original_sha256 == digest).limit(1))
        is not None
    )
