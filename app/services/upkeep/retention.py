"""Retention: what is past its campaign's days is deleted; orders, money, history and counts stay, without persons.

An order counts as finished when it is completed, cancelled or refunded; any other is live and is not touched, however
old its campaign. Rows say what is left to do: an order is purged as long as one of its forms, photos or codes still
holds something, and its files go first, by folder, so that a file that no row names goes too. Killed anywhere, the
next run finds the same order again; a second run finds nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from app.adapters.clock import beijing, now
from app.adapters.storage import storage
from app.extensions import db
from app.models import (
    Audit,
    Batch,
    BatchDifference,
    BatchItem,
    Campaign,
    CodeImage,
    IntakePhoto,
    Order,
    Photo,
    Reminder,
    RosterEntry,
    RosterImport,
)  # fmt: skip
from app.models.photo import GONE
from app.services import audit, batches
from app.services.students.erasure import (
    FINISHED,
    accounts_due,
    delete_avatars,
    erase_account,
    erase_order,
    holds_person,
)
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)

PURGED = "campaign.purged"
"""What the audit log calls it."""


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
    copies: tuple[str, ...] = ()
    """Where batches of it were written with `--out`: no folder of ours, so whoever wrote them deletes them."""

    @property
    def anything(self) -> bool:
        return bool(self.orders or self.batches or self.roster or self.studio)


def due() -> list[Due]:
    """What is past its retention, campaign by campaign. Writes nothing."""
    found = [_due(campaign.id, campaign.code) for campaign in _past()]
    return [one for one in found if one.anything or one.live]


def _past() -> list[Campaign]:
    today = beijing(now()).date()
    every = db.session.scalars(select(Campaign).order_by(Campaign.id))
    return [one for one in every if one.closes + timedelta(days=one.retention_days) < today]


def accounts() -> int:
    """How many accounts would be left without any order that holds a person, and go with what is due."""
    return len(accounts_due([campaign.id for campaign in _past()]))


def overdue() -> int:
    """How many campaigns are past their days and not purged yet. Students were promised that they would be."""
    done = set(db.session.scalars(select(Audit.subject).where(Audit.action == PURGED)))
    waiting = [one.id for one in _past() if f"campaign-{one.id}" not in done]
    return _count(Campaign.id.in_(waiting) & exists().where(_to_purge(Campaign.id)), Campaign)


def purge(*, dry_run: bool = False) -> list[Due]:
    """Delete what is due, or with `dry_run` only say it. Returns it by campaign, as it was before.

    Then the accounts that nothing is left of, and avatars that a kill or a merge has left behind.
    """
    found = due()
    if not dry_run:
        for one in found:
            if one.anything:
                _purge(one)
        for account_id in accounts_due():
            erase_account(account_id)
        delete_avatars()
    return found


def _count(query: ColumnElement[bool], table: type) -> int:
    return db.session.scalar(select(func.count()).select_from(table).where(query)) or 0


def _due(campaign_id: int, code: str) -> Due:
    orders, batch_ids = select(Order.id).where(_to_purge(campaign_id)), _batches(campaign_id)
    return Due(
        campaign_id,
        code,
        orders=_count(_to_purge(campaign_id), Order),
        photos=_count(Photo.order_id.in_(orders) & (Photo.original_key != GONE), Photo),
        codes=_count(CodeImage.order_id.in_(orders) & (CodeImage.key != GONE), CodeImage),
        batches=len(batch_ids),
        roster=_count(RosterEntry.campaign_id == campaign_id, RosterEntry),
        studio=_count((IntakePhoto.campaign_id == campaign_id) & (IntakePhoto.file_name != ""), IntakePhoto),
        live=_count((Order.campaign_id == campaign_id) & Order.state.not_in(FINISHED), Order),
        copies=tuple(batches.copies_of(batch_ids)),
    )


def _to_purge(campaign_id: int | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Finished orders of a campaign (a number, or a column of another query) that still hold a person."""
    return (Order.campaign_id == campaign_id) & Order.state.in_(FINISHED) & holds_person()


def _batches(campaign_id: int) -> Sequence[int]:
    """Batches that still name people or have files, none of whose orders is live."""
    live = (
        select(BatchItem.batch_id)
        .join(Order, Order.id == BatchItem.order_id)
        .where(Order.state.not_in(FINISHED), Order.campaign_id == campaign_id)
    )
    query = select(Batch.id).where(
        Batch.campaign_id == campaign_id,
        Batch.id.not_in(live),
        or_(Batch.path.is_not(None), exists().where(BatchItem.batch_id == Batch.id, BatchItem.sha256 != "")),
    )
    return db.session.scalars(query.order_by(Batch.id)).all()


def _purge(one: Due) -> None:
    campaign_id = one.campaign_id
    for batch_id in _batches(campaign_id):  # before the orders: they are told by theirs
        _purge_batch(batch_id)
    for order_id in db.session.scalars(select(Order.id).where(_to_purge(campaign_id)).order_by(Order.id)).all():
        erase_order(order_id)
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
        audit.note(None, PURGED, f"campaign-{campaign_id}")
    log.info("purged campaign=%s orders=%s batches=%s", campaign_id, one.orders, one.batches)


def _purge_batch(batch_id: int) -> None:
    """The batch's files and what its rows say of people; number, counts, states and hashes of the whole stay.

    Files go twice: a build that ended in between has put them there again, and after the rows none can. The path goes
    last, for a batch with a path is due.
    """
    batches.clear(db.session.get_one(Batch, batch_id))
    with unit_of_work():
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        db.session.execute(
            update(BatchItem).where(BatchItem.batch_id == batch_id).values(frozen="", sha256="", superseded_cause="")
        )
        db.session.execute(
            update(BatchDifference).where(BatchDifference.batch_id == batch_id).values(subject="", text="")
        )
        batch.acknowledgement, batch.replaced = "", json.dumps([""] * len(batch.superseded))
    batches.clear(db.session.get_one(Batch, batch_id))
    with unit_of_work():
        db.session.get_one(Batch, batch_id).path = None
