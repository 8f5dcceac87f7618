"""Freezing: the list of a new batch with everything its bytes depend on, in one short transaction."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from app.export.frozen import CHSI, FrozenBatch, FrozenItem
from app.export.layout import fits
from app.export.naming import Distinct
from app.export.paths import photo_paths
from app.extensions import db
from app.models import Batch, BatchItem, Campaign
from app.rules.faults import Fault, Invalid
from app.rules.states import Action
from app.rules.text import N_
from app.services.batches.finding import DELIVERED, KINDS, campaigns_to_export
from app.services.batches.listing import Pair, portions
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
        batch, names = _new_batch(campaign, kind, actor), Distinct()
        for pairs in portions(campaign_id, kind, batch.number, campaign.naming, lock=True):
            if batch.id is None:
                db.session.add(batch)
                db.session.flush()
            _keep(batch, pairs, names)
            perform_all([order for order, _ in pairs], Action.EXPORT, actor, batch_id=batch.id)
        return batch if batch.id is not None else None


def _keep(batch: Batch, pairs: Sequence[Pair], names: Distinct) -> None:
    """Write the rows of some orders, with file names that differ from all before."""
    rows = []
    for order, item in pairs:
        text = item.named(names.of(item.file_name)).to_json()
        rows.append({
            "batch_id": batch.id,
            "position": item.position,
            "order_id": order.id,
            "photo_id": order.photo_id,
            "form_id": order.form_id,
            "kind": batch.kind,
            "frozen": text,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        })  # fmt: skip
    db.session.execute(insert(BatchItem), rows)


def _new_batch(campaign: Campaign, kind: str, actor: Actor) -> Batch:
    mine = (Batch.campaign_id == campaign.id, Batch.kind == kind)
    count = db.session.scalar(select(func.count()).select_from(Batch).where(*mine)) or 0
    previous = db.session.scalar(
        select(Batch.number).where(*mine, Batch.state.in_(DELIVERED)).order_by(Batch.id.desc()).limit(1)
    )
    letter = "X" if kind == CHSI else "B"
    return Batch(
        number=f"{campaign.school.code}-{campaign.code}-{letter}{count + 1:03d}",
        kind=kind,
        school_id=campaign.school_id,
        campaign_id=campaign.id,
        header=header(campaign) | {"previous": previous},
        replaced=json.dumps(_superseded_names(campaign.id, kind)),
        staff_id=actor.staff_id,
    )


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
    query = (
        select(Batch.id, Batch.number, BatchItem.position)
        .join(BatchItem, BatchItem.batch_id == Batch.id)
        .where(
            Batch.campaign_id == campaign_id,
            Batch.kind == kind,
            Batch.state.in_(DELIVERED),
            BatchItem.superseded_at.is_not(None),
        )
        .order_by(Batch.id, BatchItem.position)
    )
    gone: dict[tuple[int, str], list[int]] = defaultdict(list)
    for batch_id, number, position in db.session.execute(query):
        gone[batch_id, number].append(position)
    found: list[str] = []
    for (batch_id, number), positions in gone.items():
        paths = photo_paths(kind, list(frozen_rows(batch_id)))
        found += [f"{number}/{paths[position]}" for position in positions if position in paths]
    return found


def frozen_rows(batch_id: int) -> Iterator[FrozenItem]:
    """The frozen items that are in a batch, unsealed, one after the other; none once retention has deleted them."""
    query = (
        select(BatchItem.frozen)
        .where(BatchItem.batch_id == batch_id, BatchItem.released_at.is_(None))
        .order_by(BatchItem.position)
        .execution_options(yield_per=500)
    )
    for text in db.session.scalars(query):
        if text:
            yield FrozenItem.from_json(text)


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
        superseded=tuple(batch.superseded),
        previous=facts["previous"],
        items=tuple(items),
    )
