"""Batches: freeze the list, build outside any transaction, finish; then hand over, acknowledge, recall, release."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from flask import current_app
from sqlalchemy import Select, exists, func, select
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.adapters.storage import storage
from app.export import dry_run
from app.export.frozen import CHSI, DIPLOMA, FrozenBatch, FrozenItem
from app.export.naming import distinct, file_name
from app.extensions import db
from app.models import Batch, BatchItem, BatchState, Campaign, Decision, Order, School
from app.rules.faults import ActionNotAllowed, Fault, Invalid, NotFound
from app.rules.states import Action, OrderState, Role
from app.rules.text import N_
from app.services import consents, notices, rules
from app.services.transitions import Actor, perform
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)

KINDS = (CHSI, DIPLOMA)
DELIVERED = (BatchState.HANDED_OVER.value, BatchState.ACKNOWLEDGED.value)

Progress = Callable[[int, int], None]


class StoredSources:
    """Renditions and codes from the running app's storage."""

    def __init__(self, keys: dict[int, tuple[str, str | None]]) -> None:
        self._keys = keys

    def rendition(self, item: FrozenItem) -> bytes:
        return storage().get(self._keys[item.position][0])

    def code(self, item: FrozenItem) -> bytes:
        key = self._keys[item.position][1]
        if key is None:
            raise FileNotFoundError(item.order_number)
        return storage().get(key)


def eligible(campaign: Campaign, kind: str) -> Select[Order]:
    """Orders for a batch: approved, the decision visible, the current photo in no live batch of this kind."""
    held = exists().where(
        BatchItem.order_id == Order.id,
        BatchItem.kind == kind,
        BatchItem.superseded_at.is_(None),
        BatchItem.released_at.is_(None),
    )
    states = (OrderState.PENDING_PRODUCTION.value, OrderState.IN_PRODUCTION.value)
    return (
        select(Order)
        .join(Decision, Decision.id == Order.decision_id)
        .where(
            Order.campaign_id == campaign.id,
            Order.state.in_(states),
            Decision.outcome == "approved",
            Decision.undone_at.is_(None),
            Decision.visible_from <= now(),
            ~held,
        )
        .order_by(Order.id)
    )


def campaigns_to_export(kind: str, school: str | None, campaign: str | None) -> Sequence[Campaign]:
    """Campaigns that want this kind, filtered. Raises NotFound for a code that nobody has."""
    query = select(Campaign).join(School).order_by(School.code, Campaign.code)
    if campaign:
        query = query.where(Campaign.code == campaign)
    if school:
        query = query.where(School.code == school)
    found = db.session.scalars(query).all()
    if not found and (school or campaign):
        raise NotFound(N_("没有这个学校或批次"))
    return [one for one in found if kind in one.kinds]


def freeze(campaign_id: int, kind: str, actor: Actor) -> Batch | None:
    """Freeze the list of a new batch in one transaction; None when nothing is eligible. Safe for two producers."""
    for _ in range(3):
        try:
            return _freeze(campaign_id, kind, actor)
        except IntegrityError:  # the other producer froze the same orders or took the number first
            continue
    return None


def _freeze(campaign_id: int, kind: str, actor: Actor) -> Batch | None:
    with unit_of_work():
        campaign = db.session.get_one(Campaign, campaign_id)
        orders = db.session.scalars(eligible(campaign, kind)).all()
        if not orders:
            return None
        batch = _new_batch(campaign, kind, actor)
        for item, order in zip(_frozen_items(batch, orders), orders, strict=True):
            text = item.to_json()
            db.session.add(
                BatchItem(
                    batch_id=batch.id,
                    position=item.position,
                    order_id=order.id,
                    photo_id=order.photo_id,
                    form_id=order.form_id,
                    kind=kind,
                    frozen=text,
                    sha256=hashlib.sha256(text.encode()).hexdigest(),
                )
            )
            perform(order, Action.EXPORT, actor, batch_id=batch.id)
        return batch


def _new_batch(campaign: Campaign, kind: str, actor: Actor) -> Batch:
    mine = (Batch.campaign_id == campaign.id, Batch.kind == kind)
    count = db.session.scalar(select(func.count()).select_from(Batch).where(*mine)) or 0
    previous = db.session.scalar(
        select(Batch).where(*mine, Batch.state.in_(DELIVERED)).order_by(Batch.id.desc()).limit(1)
    )
    letter = "X" if kind == CHSI else "B"
    header = {
        "print_width_mm": campaign.print_width_mm,
        "print_height_mm": campaign.print_height_mm,
        "paper": campaign.paper,
        "naming": campaign.naming,
        "rule": rule_name(campaign),
        "superseded": _superseded_names(campaign, kind),
        "previous": previous.number if previous else None,
    }
    batch = Batch(
        number=f"{campaign.school.code}-{campaign.code}-{letter}{count + 1:03d}",
        kind=kind,
        school_id=campaign.school_id,
        campaign_id=campaign.id,
        header=header,
        previous_id=previous.id if previous else None,
        staff_id=actor.staff_id,
    )
    db.session.add(batch)
    db.session.flush()
    return batch


def rule_name(campaign: Campaign) -> str:
    """The campaign's rule as batches name it."""
    return f"{campaign.rule.code}/{campaign.rule.version}"


def _superseded_names(campaign: Campaign, kind: str) -> list[str]:
    """File names in delivered batches that no longer count."""
    rows = db.session.scalars(
        select(BatchItem)
        .join(Batch, Batch.id == BatchItem.batch_id)
        .where(Batch.campaign_id == campaign.id, BatchItem.kind == kind, BatchItem.superseded_at.is_not(None))
        .order_by(BatchItem.id)
    )
    return [f"{row.batch.number}/{FrozenItem.from_json(row.frozen).file_name}" for row in rows]


def _frozen_items(batch: Batch, orders: Sequence[Order]) -> Iterator[FrozenItem]:
    bare = [_frozen(batch, order, position) for position, order in enumerate(orders, start=1)]
    stems = distinct([file_name(batch.header["naming"], _naming_values(batch, item)) for item in bare])
    for item, stem in zip(bare, stems, strict=True):
        yield FrozenItem(**(vars(item) | {"file_name": stem}))


def _naming_values(batch: Batch, item: FrozenItem) -> dict[str, str]:
    return {
        "id_no": item.id_no,
        "student_no": item.student_no,
        "name": item.name,
        "order_no": item.order_number,
        "school_code": batch.number.split("-")[0],
        "batch": batch.number,
        "code_hash": hashlib.sha256((item.code_payload or item.order_number).encode()).hexdigest()[:24],
        "position": f"{item.position:05d}",
    }


def _frozen(batch: Batch, order: Order, position: int) -> FrozenItem:
    form, photo, code = order.form, order.photo, order.code
    decision = db.session.get_one(Decision, order.decision_id)
    assert form is not None and photo is not None and photo.rendition_key is not None
    payload = code.payload if code is not None else None
    rule = photo.rule
    try:
        size = len(storage().get(photo.rendition_key))
    except FileNotFoundError:
        size = 0
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
        rendition_bytes=size,
        code_sha256=code.sha256 if code is not None else None,
        code_suffix=code.suffix if code is not None else None,
        code_payload=base64.b64encode(payload).decode() if payload is not None else None,
        rule=f"{rule.code}/{rule.version}",
        approved_at=decision.at.astimezone(UTC).isoformat(timespec="seconds"),
    )


def frozen_batch(batch: Batch, items: Sequence[FrozenItem]) -> FrozenBatch:
    """The frozen rows as the writers take them."""
    header = batch.header
    return FrozenBatch(
        number=batch.number,
        kind=batch.kind,
        school_code=batch.school.code,
        school_name=batch.school.name,
        campaign_code=batch.campaign.code,
        campaign_name=batch.campaign.name,
        frozen_at=batch.frozen_at.astimezone(UTC).isoformat(timespec="seconds"),
        rule=header["rule"],
        print_width_mm=header["print_width_mm"],
        print_height_mm=header["print_height_mm"],
        paper=header["paper"],
        superseded=tuple(header["superseded"]),
        previous=header["previous"],
        items=tuple(items),
    )


def _rows(batch: Batch) -> list[BatchItem]:
    return [row for row in batch.items if row.released_at is None or batch.state == BatchState.DISCARDED]


def preview(campaign: Campaign, kind: str) -> tuple[int, tuple[dry_run.Problem, ...]]:
    """The dry run: how many would be exported and everything that would go wrong. Writes nothing."""
    orders = db.session.scalars(eligible(campaign, kind)).all()
    number = f"{campaign.school.code}-{campaign.code}-preview"
    batch = Batch(number=number, kind=kind, header={"naming": campaign.naming}, frozen_at=now())
    bare = [_frozen(batch, order, position) for position, order in enumerate(orders, start=1)]
    items = [
        FrozenItem(**(vars(i) | {"file_name": file_name(campaign.naming, _naming_values(batch, i))})) for i in bare
    ]
    batch.header = {
        "print_width_mm": campaign.print_width_mm, "print_height_mm": campaign.print_height_mm,
        "paper": campaign.paper, "rule": rule_name(campaign), "superseded": [], "previous": None,
    }  # fmt: skip
    batch.school, batch.campaign = campaign.school, campaign
    frozen = frozen_batch(batch, items)
    db.session.expunge(batch) if batch in db.session else None
    latest = rules.latest(campaign.rule.code)
    without = [o.number for o in orders if o.account_id is not None and not consents.complete(o.account_id)]
    return len(orders), dry_run.problems(frozen, f"{latest.code}/{latest.version}", no_consent=without)


def batch_path(batch: Batch, out: Path | None = None) -> Path:
    """Where a batch lies: a ZIP for 学信网, a folder for diplomas."""
    folder = out or Path(current_app.config["BATCH_FOLDER"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (f"{batch.number}.zip" if batch.kind == CHSI else batch.number)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One builder of a path at a time; the lock goes with the process that holds it."""
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(batch_id: int, progress: Progress, out: Path | None = None) -> Path:
    """Build a frozen batch and mark it ready. Can be killed and run again: the same rows give the same bytes.

    An order that is recalled meanwhile leaves the list, and the build starts again without it.
    """
    while True:
        batch = db.session.get_one(Batch, batch_id)
        path = batch_path(batch, out)
        rows = _rows(batch)
        if not rows:
            _finish(batch_id, None, None, set())
            raise ActionNotAllowed(N_("批次中的订单都已被召回"))
        ids = {row.id for row in rows}
        with _alone(path):
            digest = _write(batch, rows, path, progress)
        if _finish(batch_id, digest, path if out is None else None, ids):
            return path


def _write(batch: Batch, rows: list[BatchItem], path: Path, progress: Progress) -> str:
    from app.export.build import build_chsi, build_diploma

    items = [FrozenItem.from_json(row.frozen) for row in rows]
    keys = _source_keys(rows, items)
    frozen, kind = frozen_batch(batch, items), batch.kind
    db.session.rollback()  # nothing is held while files are written
    write = build_chsi if kind == CHSI else build_diploma
    return write(frozen, StoredSources(keys), current_app.extensions["keys"], path, progress)


def _source_keys(rows: list[BatchItem], items: list[FrozenItem]) -> dict[int, tuple[str, str | None]]:
    from app.models import CodeImage, Photo

    photos = dict(
        db.session.execute(
            select(Photo.id, Photo.rendition_key).where(Photo.id.in_([row.photo_id for row in rows]))
        ).all()
    )
    codes = {
        (order_id, sha256): key
        for order_id, sha256, key in db.session.execute(
            select(CodeImage.order_id, CodeImage.sha256, CodeImage.key).where(
                CodeImage.order_id.in_([row.order_id for row in rows])
            )
        )
    }
    return {
        item.position: (photos[row.photo_id] or "", codes.get((row.order_id, item.code_sha256 or "")))
        for row, item in zip(rows, items, strict=True)
    }


def _finish(batch_id: int, digest: str | None, path: Path | None, built: set[int]) -> bool:
    """Mark a batch ready, unless its list changed while it was built."""
    with unit_of_work():
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        if digest is None:
            batch.state = BatchState.DISCARDED.value
            return True
        if {row.id for row in _rows(batch)} != built:
            return False
        batch.sha256, batch.done_items = digest, len(built)
        if path is not None:
            batch.path = str(path)
        if batch.state == BatchState.BUILDING:
            batch.state = BatchState.READY.value
        return True


def note_progress(batch_id: int, done: int, total: int) -> None:
    """Remember how far a build is, for the page; a lost note does no harm."""
    if done % 50 and done != total:
        return
    with unit_of_work():
        db.session.get_one(Batch, batch_id).done_items = done


def request_build(batch: Batch) -> bool:
    """Have a worker build a frozen batch."""
    return enqueue("export", "export.build_batch", batch.id, job_id=f"export-{batch.id}-{int(now().timestamp())}")


def resume_lost() -> int:
    """Have batches built on that were frozen and never finished. Returns how many."""
    waiting = db.session.scalars(select(Batch).where(Batch.state == BatchState.BUILDING.value)).all()
    for batch in waiting:
        enqueue("export", "export.build_batch", batch.id, job_id=f"export-{batch.id}-{int(now().timestamp()) // 600}")
    return len(waiting)


def by_number(number: str) -> Batch:
    """A batch by its number. Raises NotFound."""
    found = db.session.scalar(select(Batch).where(Batch.number == number))
    if found is None:
        raise NotFound(N_("没有这个制作批次"))
    return found


def hand_over(batch_id: int, actor: Actor) -> int:
    """The batch went to its receiver. Orders whose every wanted kind is handed over are completed; returns how many."""
    with unit_of_work() as unit:
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        if batch.state != BatchState.READY:
            raise ActionNotAllowed(N_("只有已就绪的批次可以交付"))
        batch.state, batch.handed_over_at = BatchState.HANDED_OVER.value, now()
        db.session.flush()
        done = 0
        for row in batch.items:
            if row.released_at is None and row.superseded_at is None:
                order = db.session.get_one(Order, row.order_id)
                if OrderState(order.state) is OrderState.IN_PRODUCTION and _all_delivered(order, batch.campaign):
                    perform(order, Action.DELIVER, actor, batch_id=batch.id)
                    notices.order_moved(unit, order, "delivered")
                    done += 1
        return done


def _all_delivered(order: Order, campaign: Campaign) -> bool:
    kinds = set(
        db.session.scalars(
            select(BatchItem.kind)
            .join(Batch, Batch.id == BatchItem.batch_id)
            .where(
                BatchItem.order_id == order.id,
                BatchItem.photo_id == order.photo_id,
                BatchItem.superseded_at.is_(None),
                BatchItem.released_at.is_(None),
                Batch.state.in_(DELIVERED),
            )
        )
    )
    return set(campaign.kinds) <= kinds


def discard(batch_id: int, actor: Actor, cause: str) -> None:
    """Drop a batch before hand-over; orders that are in no other live batch go back to 待制作."""
    if not cause.strip():
        raise Invalid(N_("请填写作废原因"), {"cause": N_("请填写作废原因")})
    with unit_of_work():
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        if batch.state not in (BatchState.BUILDING, BatchState.READY):
            raise ActionNotAllowed(N_("已交付的批次不能作废，请召回单个订单"))
        batch.state = BatchState.DISCARDED.value
        rows = [row for row in batch.items if row.released_at is None]
        for row in rows:
            row.released_at = now()
        db.session.flush()
        for row in rows:
            order = db.session.get_one(Order, row.order_id)
            if OrderState(order.state) is OrderState.IN_PRODUCTION and not _held(order.id):
                perform(order, Action.RELEASE, actor, batch_id=batch.id, cause=cause)


def _held(order_id: int) -> bool:
    live = select(BatchItem.id).where(
        BatchItem.order_id == order_id, BatchItem.superseded_at.is_(None), BatchItem.released_at.is_(None)
    )
    return db.session.scalar(live.limit(1)) is not None


def supersede(order_id: int, cause: str) -> None:
    """A recalled order's files no longer count: out of a batch being built, superseded in a finished one. In a unit."""
    rows = db.session.scalars(
        select(BatchItem).where(
            BatchItem.order_id == order_id, BatchItem.superseded_at.is_(None), BatchItem.released_at.is_(None)
        )
    ).all()
    for row in rows:
        if row.batch.state == BatchState.BUILDING:
            row.released_at = now()
        else:
            row.superseded_at, row.superseded_cause = now(), cause


def export(kind: str, school: str | None, campaign: str | None, actor: Actor) -> list[Batch]:
    """Freeze one batch per campaign that has something to export. Raises Invalid for an unknown kind."""
    if kind not in KINDS:
        raise Invalid(N_("没有这种批次"))
    found = [one.id for one in campaigns_to_export(kind, school, campaign)]
    made = []
    for campaign_id in found:
        try:
            batch = freeze(campaign_id, kind, actor)
        except Fault:
            log.exception("freeze_failed campaign=%s", campaign_id)
            continue
        if batch is not None:
            made.append(batch)
    return made


PRODUCER = Actor(Role.PRODUCER)
"""Who `flask export-batch` is."""
