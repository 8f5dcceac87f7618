"""The dry run: how many would be exported and everything that would go wrong. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.adapters.clock import now
from app.adapters.storage import storage
from app.export import dry_run
from app.export.dry_run import Expected, Stored, StoredFile
from app.export.frozen import DIPLOMA, FrozenBatch, FrozenItem
from app.export.layout import per_page
from app.export.paths import in_order
from app.models import Batch, Campaign, Order
from app.services.batches.finding import left_out
from app.services.batches.freezing import frozen_batch, header
from app.services.batches.listing import Pair, portions
from app.services.photos import rules


@dataclass(frozen=True)
class Preview:
    """What a batch made now would be."""

    count: int
    problems: tuple[dry_run.Problem, ...]


def preview(campaign: Campaign, kind: str) -> Preview:
    """Look at everything that a batch of this kind would take, without making one."""
    newest = rules.latest(campaign.rule.code)
    expected = Expected(
        newest_rule=f"{newest.code}/{newest.version}",
        most_bytes=newest.body["output"]["max_bytes"],
        least_bytes=newest.body["output"]["warn_below_bytes"],
        left_out=tuple(left_out(campaign.id, kind)),
    )
    items, stored = list[FrozenItem](), dict[int, Stored]()
    for order, item in _unwritten(campaign, kind):
        items.append(item)
        stored[item.position] = _stored(order)
    return Preview(len(items), dry_run.problems(_batch(campaign, kind, items), expected, stored))


def _number(campaign: Campaign) -> str:
    return f"{campaign.school.code}-{campaign.code}-PREVIEW"


def _unwritten(campaign: Campaign, kind: str) -> Iterator[Pair]:
    """What would be frozen, with file names as the template gives them: what collides still does."""
    for pairs in portions(campaign.id, kind, _number(campaign), campaign.naming):
        yield from pairs


def _batch(campaign: Campaign, kind: str, items: Sequence[FrozenItem]) -> FrozenBatch:
    facts = header(campaign) | {"previous": None}
    return frozen_batch(Batch(number=_number(campaign), kind=kind, header=facts, frozen_at=now()), items, campaign)


def _stored(order: Order) -> Stored:
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

    keys, items = dict[int, str | None](), list[FrozenItem]()
    for order, item in _unwritten(campaign, DIPLOMA):
        items.append(item)
        keys[item.position] = order.photo.rendition_key if order.photo else None
    frozen = _batch(campaign, DIPLOMA, items)
    first = [(item, _read(keys[item.position])) for item in in_order(items)[: per_page(frozen)]]
    there = {item.position: data for item, data in first if data is not None}
    if not there:
        return None
    shown = [item for item, _ in first if item.position in there]
    return sheet(frozen, shown, frozen.number, lambda item: there[item.position])
