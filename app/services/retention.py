"""Retention: what is past its campaign's days is deleted; orders, money, history and counts stay, without persons.

An order counts as finished when it is completed, cancelled or refunded; any other is live and is not touched, however
old its campaign. Rows say what is left to do: an order is purged as long as one of its forms, photos or codes still
holds something, and its files go first, by folder, so that a file that no row names goes too. Killed anywhere, the
next run finds the same order again; a second run finds nothing.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update

from app.adapters.clock import beijing, now
from app.adapters.storage import storage
from app.extensions import db
from app.models import (
    Batch,
    BatchDifference,
    BatchItem,
    Campaign,
    CodeImage,
    Exemption,
    Form,
    IntakePhoto,
    Order,
    Photo,
    PhotoCheck,
    PhotoHash,
    Reminder,
    RosterEntry,
    RosterImport,
)  # fmt: skip
from app.rules.states import OrderState
from app.services import audit
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)

FINISHED = (OrderState.COMPLETED.value, OrderState.CANCELLED.value, OrderState.REFUNDED.value)
GONE = "deleted"


@dataclass(frozen=True)
class Due:
    """What goes, or went, of one campaign. `live` orders are past their days and stay: somebody has to end them."""

    campaign_id: int
    code: str
    orders: int
    photos: int
    codes: int
    batches: int
    roster: int
    studio: int
    live: int

    @property
    def anything(self) -> bool:
        return bool(self.orders or self.batches or self.roster or self.studio)


def due() -> list[Due]:
    """What is past its retention, campaign by campaign. Writes nothing."""
    today = beijing(now()).date()
    found = [
        _due(campaign.id, campaign.code)
        for campaign in db.session.scalars(select(Campaign).order_by(Campaign.id))
        if campaign.closes + timedelta(days=campaign.retention_days) < today
    ]
    return [one for one in found if one.anything or one.live]


def purge(*, dry_run: bool = False) -> list[Due]:
    """Delete what is due, or with `dry_run` only say it. Returns it by campaign, as it was before."""
    found = due()
    for one in [] if dry_run else found:
        if one.anything:
            _purge(one)
    return found


def _count(query: ColumnElement[bool], table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(query)) or 0


def _due(campaign_id: int, code: str) -> Due:
    orders = select(Order.id).where(_to_purge(campaign_id))
    return Due(
        campaign_id,
        code,
        orders=_count(_to_purge(campaign_id), Order),
        photos=_count(Photo.order_id.in_(orders) & (Photo.original_key != GONE), Photo),
        codes=_count(CodeImage.order_id.in_(orders) & (CodeImage.key != GONE), CodeImage),
        batches=len(_batches(campaign_id)),
        roster=_count(RosterEntry.campaign_id == campaign_id, RosterEntry),
        studio=_count((IntakePhoto.campaign_id == campaign_id) & (IntakePhoto.file_name != ""), IntakePhoto),
        live=_count((Order.campaign_id == campaign_id) & Order.state.not_in(FINISHED), Order),
    )


def _to_purge(campaign_id: int) -> ColumnElement[bool]:
    """Finished orders that still hold a person."""
    return (
        (Order.campaign_id == campaign_id)
        & Order.state.in_(FINISHED)
        & or_(
            exists().where(Form.order_id == Order.id, Form.id_hmac != ""),
            exists().where(Photo.order_id == Order.id, Photo.original_key != GONE),
            exists().where(CodeImage.order_id == Order.id, CodeImage.key != GONE),
            Order.typed.is_not(None),
        )
    )


def _batches(campaign_id: int) -> Sequence[int]:
    """Batches that still name people, none of whose orders is live."""
    live = (
        select(BatchItem.batch_id)
        .join(Order, Order.id == BatchItem.order_id)
        .where(Order.state.not_in(FINISHED), Order.campaign_id == campaign_id)
    )
    query = select(Batch.id).where(
        Batch.campaign_id == campaign_id,
        Batch.id.not_in(live),
        exists().where(BatchItem.batch_id == Batch.id, BatchItem.sha256 != ""),
    )
    return db.session.scalars(query.order_by(Batch.id)).all()


def _purge(one: Due) -> None:
    campaign_id = one.campaign_id
    for batch_id in _batches(campaign_id):  # before the orders: they are told by theirs
        _purge_batch(batch_id)
    for order_id in db.session.scalars(select(Order.id).where(_to_purge(campaign_id)).order_by(Order.id)).all():
        _purge_order(order_id)
    for folder in ("onsite", "rosters"):
        storage().delete_below(f"{folder}/{campaign_id}")
    with unit_of_work():
        for table in (Reminder, RosterEntry, RosterImport):
            db.session.execute(delete(table).where(table.campaign_id == campaign_id))
        db.session.execute(
            update(IntakePhoto)
            .where(IntakePhoto.campaign_id == campaign_id)
            .values(key=None, file_name="", student_no="")
        )
        audit.note(None, "campaign.purged", f"campaign-{campaign_id}")
    log.info("purged campaign=%s orders=%s batches=%s", campaign_id, one.orders, one.batches)


def _purge_order(order_id: int) -> None:
    number = db.session.get_one(Order, order_id).number
    for folder in ("photos", "codes"):
        storage().delete_below(f"{folder}/{number}")
    with unit_of_work():
        photos = select(Photo.id).where(Photo.order_id == order_id)
        for table in (PhotoHash, PhotoCheck):
            db.session.execute(delete(table).where(table.photo_id.in_(photos)))
        db.session.execute(
            update(Photo).where(Photo.order_id == order_id).values(
                original_key=GONE, original_sha256="", pixel_sha256=None, rendition_key=None, rendition_sha256=None,
                ruler=None, crop=None,
            )
        )  # fmt: skip
        db.session.execute(
            update(CodeImage)
            .where(CodeImage.order_id == order_id)
            .values(key=GONE, sha256="", payload=None, payload_sha256=None)
        )
        person = ("name", "student_no", "id_no", "id_hmac", "id_last4", "phone", "phone_hmac", "email")
        db.session.execute(update(Form).where(Form.order_id == order_id).values(dict.fromkeys(person, "")))
        db.session.execute(update(Exemption).where(Exemption.order_id == order_id).values(cause=""))
        db.session.execute(update(Order).where(Order.id == order_id).values(typed=None))


def _purge_batch(batch_id: int) -> None:
    """The batch's files and what its rows say of people; number, counts, states and hashes of the whole stay."""
    path = db.session.get_one(Batch, batch_id).path
    if path:
        where = Path(path)
        if where.is_dir():
            shutil.rmtree(where)
        else:
            where.unlink(missing_ok=True)
    with unit_of_work():
        db.session.execute(update(BatchItem).where(BatchItem.batch_id == batch_id).values(frozen="", sha256=""))
        db.session.execute(
            update(BatchDifference).where(BatchDifference.batch_id == batch_id).values(subject="", text="")
        )
        batch = db.session.get_one(Batch, batch_id)
        batch.path, batch.acknowledgement = None, ""
        batch.header = batch.header | {"superseded": [""] * len(batch.header.get("superseded", []))}
