"""The dry run: how many would be exported and everything that would go wrong. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.adapters.clock import now
from app.adapters.storage import storage
from app.export import dry_run
from app.export.dry_run import Expected, Stored, StoredFile
from app.export.frozen import FrozenBatch, FrozenItem
from app.export.layout import per_page
from app.export.naming import file_name
from app.export.paths import in_order
from app.models import Batch, Campaign, Order
from app.services import rules
from app.services.batches.finding import left_out
from app.services.batches.freezing import frozen_batch, frozen_items, header, load, naming_values


@dataclass(frozen=True)
class Preview:
    """What a batch made now would be."""

    count: int
    problems: tuple[dry_run.Problem, ...]


def preview(campaign: Campaign, kind: str) -> Preview:
    """Look at everything that a batch of this kind would take, without making one."""
    orders = load(campaign.id, kind)
    frozen = _unwritten(campaign, kind, orders)
    newest = rules.latest(campaign.rule.code)
    expected = Expected(
        newest_rule=f"{newest.code}/{newest.version}",
        most_bytes=newest.body["output"]["max_bytes"],
        least_bytes=newest.body["output"]["warn_below_bytes"],
        left_out=tuple(left_out(campaign.id, kind)),
    )
    stored = {item.position: _stored(order, item) for item, order in zip(frozen.items, orders, strict=True)}
    return Preview(len(orders), dry_run.problems(frozen, expected, stored))


def _unwritten(campaign: Campaign, kind: str, orders: Sequence[Order]) -> FrozenBatch:
    """The batch that would be frozen, with file names as the template gives them: what collides still does."""
    number = f"{campaign.school.code}-{campaign.code}-PREVIEW"
    facts = header(campaign) | {"superseded": [], "previous": None}
    batch = Batch(number=number, kind=kind, header=facts, frozen_at=now())
    bare = frozen_items(number, facts, orders)
    names = [file_name(campaign.naming, naming_values(number, item)) for item in bare]
    items = [item.named(name) for item, name in zip(bare, names, strict=True)]
    return frozen_batch(batch, items, campaign)


def _stored(order: Order, item: FrozenItem) -> Stored:
    """What the store really holds for an order."""
    code = order.code
    photo, picture = _read(order.photo.rendition_key if order.photo else None), _read(code.key if code else None)
    return Stored(*(StoredFile.of(data) if data is not None else None for data in (photo, picture)))


def _read(key: str | None) -> bytes | None:
    try:
        return storage().get(key) if key else None
    except FileNotFoundError:
        return None


def preview_sheet(campaign: Campaign) -> bytes | None:
    """The first page for the press as a batch made now would print it; None when there is nothing to print."""
    from app.export.sheets import sheet  # the web loads no ReportLab, and with it no Pillow, until it prints

    orders = load(campaign.id, "diploma")
    frozen = _unwritten(campaign, "diploma", orders)
    ordered = in_order(frozen.items)[: per_page(frozen)]
    keys = {order.number: order.photo.rendition_key for order in orders if order.photo is not None}
    there = [item for item in ordered if _read(keys.get(item.order_number)) is not None]
    if not there:
        return None
    return sheet(frozen, there, frozen.number, lambda item: _read(keys[item.order_number]) or b"")
