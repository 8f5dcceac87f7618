"""Freezing: the list of a new batch with everything its bytes depend on, in one short transaction."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, selectinload

from app.export.frozen import CHSI, FrozenBatch, FrozenItem
from app.export.layout import fits
from app.export.naming import distinct, file_name
from app.export.paths import photo_paths
from app.extensions import db
from app.models import Batch, BatchItem, Campaign, Decision, Order
from app.rules.faults import Fault, Invalid
from app.rules.states import Action
from app.rules.text import N_
from app.services.batches.finding import DELIVERED, KINDS, campaigns_to_export, eligible
from app.services.transitions import Actor, perform_all
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)


def export(kind: str, school: str | None, campaign: str | None, actor: Actor) -> list[Batch]:
    """Freeze one batch per campaign that has something to export. Raises Invalid for an unknown kind."""
    if kind not in KINDS:
        raise Invalid(N_("没有这种批次"))
    made = []
    for campaign_id in [one.id for one in campaigns_to_export(kind, school, campaign)]:
        try:
            batch = freeze(campaign_id, kind, actor)
        except Fault:
            log.exception("freeze_failed campaign=%s", campaign_id)
            continue
        if batch is not None:
            made.append(batch)
    return made


def freeze(campaign_id: int, kind: str, actor: Actor) -> Batch | None:
    """Freeze the list of a new batch; None when nothing is eligible. Safe for two producers.

    Raises Invalid when the campaign's photos do not fit its paper.
    """
    for _ in range(3):
        try:
            return _freeze(campaign_id, kind, actor)
        except IntegrityError:  # the other producer froze the same orders or took the number first
            continue
    return None


def _freeze(campaign_id: int, kind: str, actor: Actor) -> Batch | None:
    with unit_of_work():
        campaign = db.session.get_one(Campaign, campaign_id)
        if kind != CHSI and not fits(campaign.print_width_mm, campaign.print_height_mm, campaign.paper):
            raise Invalid(N_("照片的打印尺寸超出纸张，请先在批次设置中修改"))
        orders = load(campaign_id, kind, lock=True)
        if not orders:
            return None
        batch = _new_batch(campaign, kind, actor)
        rows = [
            {
                "batch_id": batch.id,
                "position": item.position,
                "order_id": order.id,
                "photo_id": order.photo_id,
                "form_id": order.form_id,
                "kind": kind,
                "frozen": (text := item.to_json()),
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
            }
            for item, order in zip(frozen_items(batch.number, batch.header, orders), orders, strict=True)
        ]
        db.session.execute(insert(BatchItem), rows)
        perform_all(orders, Action.EXPORT, actor, batch_id=batch.id)
        return batch


def load(campaign_id: int, kind: str, *, lock: bool = False) -> Sequence[Order]:
    """The eligible orders with everything that is frozen of them, in a handful of queries."""
    query = eligible(campaign_id, kind).options(
        joinedload(Order.form), joinedload(Order.photo), selectinload(Order.codes)
    )
    if lock:
        query = query.with_for_update(of=Order)  # PostgreSQL; on SQLite the unit holds the database already
    return db.session.scalars(query).all()


def _new_batch(campaign: Campaign, kind: str, actor: Actor) -> Batch:
    mine = (Batch.campaign_id == campaign.id, Batch.kind == kind)
    count = db.session.scalar(select(func.count()).select_from(Batch).where(*mine)) or 0
    previous = db.session.scalar(
        select(Batch).where(*mine, Batch.state.in_(DELIVERED)).order_by(Batch.id.desc()).limit(1)
    )
    letter = "X" if kind == CHSI else "B"
    batch = Batch(
        number=f"{campaign.school.code}-{campaign.code}-{letter}{count + 1:03d}",
        kind=kind,
        school_id=campaign.school_id,
        campaign_id=campaign.id,
        header=header(campaign) | {
            "superseded": _superseded_names(campaign.id, kind),
            "previous": previous.number if previous else None,
        },
        previous_id=previous.id if previous else None,
        staff_id=actor.staff_id,
    )  # fmt: skip
    db.session.add(batch)
    db.session.flush()
    return batch


def header(campaign: Campaign) -> dict[str, object]:
    """The campaign's facts that a batch's bytes depend on."""
    from app.export.lettering import available  # the web loads no ReportLab, and with it no Pillow, until it prints

    return {
        "print_width_mm": campaign.print_width_mm,
        "print_height_mm": campaign.print_height_mm,
        "paper": campaign.paper,
        "naming": campaign.naming,
        "fonts": list(available()),
        "school_name": campaign.school.name,
        "campaign_name": campaign.name,
        "rule": f"{campaign.rule.code}/{campaign.rule.version}",
    }


def _superseded_names(campaign_id: int, kind: str) -> list[str]:
    """Files of delivered batches that no longer count, as `batch/path`, oldest first."""
    batches = db.session.scalars(
        select(Batch)
        .where(
            Batch.campaign_id == campaign_id,
            Batch.kind == kind,
            Batch.state.in_(DELIVERED),
            Batch.id.in_(select(BatchItem.batch_id).where(BatchItem.superseded_at.is_not(None))),
        )
        .order_by(Batch.id)
    )
    found: list[str] = []
    for batch in batches:
        gone = {row.position for row in batch.items if row.superseded_at is not None}
        paths = photo_paths(kind, frozen_rows(batch))
        found += [f"{batch.number}/{path}" for position, path in sorted(paths.items()) if position in gone]
    return found


def frozen_items(number: str, header: dict[str, object], orders: Iterable[Order]) -> list[FrozenItem]:
    """What is frozen of each order, with file names that differ."""
    approved = _approval_times([order.decision_id for order in orders])
    bare = [_frozen(order, position, approved) for position, order in enumerate(orders, start=1)]
    stems = [file_name(str(header["naming"]), naming_values(number, item)) for item in bare]
    return [item.named(stem) for item, stem in zip(bare, distinct(stems), strict=True)]


def _approval_times(ids: Sequence[int | None]) -> dict[int, str]:
    found: dict[int, str] = {}
    for start in range(0, len(ids), 500):
        query = select(Decision.id, Decision.at).where(Decision.id.in_(ids[start : start + 500]))
        for decision_id, at in db.session.execute(query):
            found[decision_id] = at.astimezone(UTC).isoformat(timespec="seconds")
    return found


def naming_values(number: str, item: FrozenItem) -> dict[str, str]:
    """The fields of a naming template."""
    return {
        "id_no": item.id_no,
        "student_no": item.student_no,
        "name": item.name,
        "order_no": item.order_number,
        "school_code": number.split("-")[0],
        "batch": number,
        "code_hash": hashlib.sha256((item.code_payload or item.order_number).encode()).hexdigest()[:24],
        "position": f"{item.position:05d}",
    }


def _frozen(order: Order, position: int, approved: dict[int, str]) -> FrozenItem:
    form, photo, code = order.form, order.photo, order.code
    assert form is not None and photo is not None
    payload = code.payload if code is not None else None
    return FrozenItem(
        position=position,
        order_number=order.number,
        photo_no=photo.no,
        name=form.name,
        student_no=form.student_no,
        id_type=form.id_type,
        id_no=form.id_no,
        college=form.college,
        class_name=form.class_name,
        education_level=form.education_level,
        education_category=form.education_category,
        campus=form.campus,
        school_name=form.school_name,
        file_name="",
        rendition_sha256=photo.rendition_sha256 or "",
        code_sha256=code.sha256 if code is not None else None,
        code_suffix=code.suffix if code is not None else None,
        code_payload=base64.b64encode(payload).decode() if payload is not None else None,
        rule=f"{photo.rule.code}/{photo.rule.version}",
        approved_at=approved.get(order.decision_id or 0, ""),
    )


def frozen_rows(batch: Batch) -> list[FrozenItem]:
    """The frozen items that are in the batch, unsealed; none once retention has deleted them."""
    return [FrozenItem.from_json(row.frozen) for row in batch.items if row.released_at is None and row.frozen]


def frozen_batch(batch: Batch, items: Sequence[FrozenItem], campaign: Campaign | None = None) -> FrozenBatch:
    """The frozen rows as the writers take them; `campaign` for a batch that is no row (a dry run's)."""
    facts, campaign = batch.header, campaign or batch.campaign
    return FrozenBatch(
        number=batch.number,
        kind=batch.kind,
        school_code=campaign.school.code,
        school_name=facts.get("school_name", campaign.school.name),
        campaign_code=campaign.code,
        campaign_name=facts.get("campaign_name", campaign.name),
        frozen_at=batch.frozen_at.astimezone(UTC).isoformat(timespec="seconds"),
        rule=facts["rule"],
        print_width_mm=facts["print_width_mm"],
        print_height_mm=facts["print_height_mm"],
        paper=facts["paper"],
        fonts=tuple(facts.get("fonts", ())),
        superseded=tuple(facts["superseded"]),
        previous=facts["previous"],
        items=tuple(items),
    )
