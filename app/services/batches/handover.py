"""What becomes of a batch: handed over, acknowledged, discarded; and orders that are recalled out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import func, select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import Batch, BatchItem, BatchState, Order
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.states import Action, OrderState
from app.rules.text import N_
from app.services import audit, notices
from app.services.batches.building import clear
from app.services.batches.finding import DELIVERED, live
from app.services.transitions import Actor, perform_all
from app.services.unit import unit_of_work

CHUNK = 500


def hand_over(batch_id: int, actor: Actor) -> int:
    """The batch went to its receiver. Orders whose every wanted kind is handed over are completed; returns how many.

    Raises ActionNotAllowed unless it is ready and nothing in it was recalled since it was built.
    """
    with unit_of_work() as unit:
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        if batch.state != BatchState.READY:
            raise ActionNotAllowed(N_("只有已就绪的批次可以交付"))
        recalled = select(func.count()).where(BatchItem.batch_id == batch.id, BatchItem.superseded_at.is_not(None))
        if db.session.scalar(recalled):
            raise ActionNotAllowed(N_("批次生成后有订单被召回，请作废后重新导出"))
        batch.state, batch.handed_over_at = BatchState.HANDED_OVER.value, now()
        audit.note_id(actor.staff_id, "batch.handed_over", f"batch-{batch.id}")
        db.session.flush()
        orders = _orders(_live_order_ids(batch))
        done = list(_delivered(orders, set(batch.campaign.kinds)))
        perform_all(done, Action.DELIVER, actor, batch_id=batch.id)
        notices.orders_moved(unit, done, "delivered")
        return len(done)


def _live_order_ids(batch: Batch) -> Sequence[int]:
    return db.session.scalars(select(BatchItem.order_id).where(BatchItem.batch_id == batch.id, live)).all()


def _orders(ids: Sequence[int]) -> list[Order]:
    """Those of these orders that are in production."""
    found: list[Order] = []
    for start in range(0, len(ids), CHUNK):
        some = select(Order).where(Order.id.in_(ids[start : start + CHUNK]))
        found += db.session.scalars(some.where(Order.state == OrderState.IN_PRODUCTION.value).order_by(Order.id))
    return found


def _delivered(orders: Sequence[Order], wanted: set[str]) -> Iterator[Order]:
    """The orders whose current photo lies in a handed-over batch of every wanted kind."""
    for start in range(0, len(orders), CHUNK):
        some = orders[start : start + CHUNK]
        query = (
            select(BatchItem.order_id, BatchItem.photo_id, BatchItem.kind)
            .join(Batch, Batch.id == BatchItem.batch_id)
            .where(BatchItem.order_id.in_([order.id for order in some]), live, Batch.state.in_(DELIVERED))
        )
        there = set(db.session.execute(query))
        for order in some:
            if all((order.id, order.photo_id, kind) in there for kind in wanted):
                yield order


def discard(batch_id: int, actor: Actor, cause: str) -> None:
    """Drop a batch before hand-over; orders that are in no other live batch go back to 待制作."""
    if not cause.strip():
        raise Invalid(fields={"cause": N_("请填写作废原因")})
    with unit_of_work() as unit:
        batch = db.session.get_one(Batch, batch_id, with_for_update=True)
        if batch.state not in (BatchState.BUILDING, BatchState.READY):
            raise ActionNotAllowed(N_("已交付的批次不能作废，请召回单个订单"))
        batch.state = BatchState.DISCARDED.value
        audit.note_id(actor.staff_id, "batch.discarded", f"batch-{batch.id}", cause)
        ids = _live_order_ids(batch)
        db.session.execute(
            update(BatchItem)
            .where(BatchItem.batch_id == batch.id, BatchItem.released_at.is_(None))
            .values(released_at=now())
            .execution_options(synchronize_session=False)
        )
        held = _held(ids)
        free = [order for order in _orders(ids) if order.id not in held]
        perform_all(free, Action.RELEASE, actor, batch_id=batch.id, cause=cause)
        unit.after_commit(lambda: clear(db.session.get_one(Batch, batch_id)))  # nobody delivers what is not there


def _held(ids: Sequence[int]) -> set[int]:
    """Those of these orders that are in a live batch of any kind."""
    found: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        found |= set(db.session.scalars(select(BatchItem.order_id).where(BatchItem.order_id.in_(some), live)))
    return found


def supersede(order_id: int, cause: str) -> None:
    """A recalled order's files no longer count: out of a batch being built, superseded in a finished one. In a unit."""
    rows: Iterable[BatchItem] = db.session.scalars(
        select(BatchItem).join(Batch).where(BatchItem.order_id == order_id, live).with_for_update(of=Batch)
    ).all()
    for row in rows:
        if row.batch.state == BatchState.BUILDING:
            row.released_at = now()
        else:
            row.superseded_at, row.superseded_cause = now(), cause
