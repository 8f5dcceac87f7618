"""The only writer of an order's state: a conditional update and its event row, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, tuple_, update
from sqlalchemy.orm.attributes import set_committed_value

from app.adapters.clock import now
from app.extensions import db
from app.models import CodeImage, Event, Lease, Order
from app.rules.faults import ActionNotAllowed, NotAllowed, StaleOrder
from app.rules.states import LIVE, TRANSITIONS, Action, OrderState, Role, find
from app.services import queue_place


@dataclass(frozen=True)
class Actor:
    """Who acts, in which role; `staff_id` for staff."""

    role: Role
    staff_id: int | None = None


SYSTEM = Actor(Role.SYSTEM)


def perform(
    order: Order,
    action: Action,
    actor: Actor,
    *,
    to: OrderState | None = None,
    seen_version: int | None = None,
    cause: str = "",
    also: Mapping[str, Any] | None = None,
    since: datetime | None = None,
    **refs: int | None,
) -> Event:
    """Move `order` by `action` and write its event. Call it inside a unit of work.

    `to` picks the target where the table has two; `seen_version` is the version the person saw on their page; `also`
    are columns of the order that change with it; `since` is when the order came to that state where it only returns to
    it, else now; `refs` are the event's photo_id, form_id, decision_id, batch_id,
    payment_id. Guards beyond the table (consents, reasons,
    visibility) belong to the calling service.

    Raises NotAllowed when this role never may, ActionNotAllowed when not from this state, StaleOrder when the order
    moved meanwhile.
    """
    state = OrderState(order.state)
    if seen_version is not None and seen_version != order.version:
        raise StaleOrder
    target = _target(action, state, actor, to)
    touch(order, state=target, since=since, **(also or {}))
    event = Event(
        order_id=order.id,
        action=action.value,
        from_state=state.value,
        to_state=target.value,
        actor_role=actor.role.value,
        staff_id=actor.staff_id,
        cause=cause,
        **{"photo_id": order.photo_id, "form_id": order.form_id, **refs},
    )
    db.session.add(event)
    if target not in LIVE:
        _let_go(order)
    return event


def _target(action: Action, state: OrderState, actor: Actor, to: OrderState | None) -> OrderState:
    transition = find(action, state, actor.role)
    if transition is None:
        if not any(t.action is action and actor.role in t.roles for t in TRANSITIONS):
            raise NotAllowed
        raise ActionNotAllowed
    target = to or next(iter(transition.targets))
    if target not in transition.targets or (to is None and len(transition.targets) > 1):
        raise ValueError(f"{action} needs one of {sorted(transition.targets)} as its target")
    return target


def perform_all(orders: Sequence[Order], action: Action, actor: Actor, *, cause: str = "", batch_id: int) -> None:
    """`perform` for a batch's orders, in a few statements: one by one, thousands would hold the database for a minute.

    All move or none (raises as `perform` does). Not for actions that end an order or let it wait for review.
    """
    moment = now()
    for state, group in _by_state(orders):
        target = _target(action, state, actor, None)
        if target not in LIVE or target is OrderState.PENDING_REVIEW:
            raise ValueError(f"{action} ends an order or lets it wait for review: use perform")
        for start in range(0, len(group), 500):
            _move(group[start : start + 500], target, moment)
        same = {"action": action.value, "from_state": state.value, "to_state": target.value, "cause": cause,
                "actor_role": actor.role.value, "staff_id": actor.staff_id, "batch_id": batch_id,
                "at": moment}  # fmt: skip
        ids = [{"order_id": one.id, "photo_id": one.photo_id, "form_id": one.form_id} for one in group]
        db.session.execute(insert(Event), [same | own for own in ids])


def _by_state(orders: Sequence[Order]) -> list[tuple[OrderState, list[Order]]]:
    """Grouped once, before any of them moves."""
    groups = [(state, [order for order in orders if order.state == state]) for state in OrderState]
    return [(state, group) for state, group in groups if group]


def _move(orders: Sequence[Order], target: OrderState, moment: datetime) -> None:
    """What `touch` does, for orders in one state. Raises StaleOrder when any of them moved since it was read."""
    seen = [(order.id, order.version) for order in orders]
    done = db.session.execute(
        update(Order)
        .where(tuple_(Order.id, Order.version).in_(seen), Order.state == orders[0].state)
        .values(version=Order.version + 1, state=target.value, state_since=moment)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != len(orders):  # type: ignore[attr-defined]
        raise StaleOrder
    for order in orders:  # what the database now says, without asking it once for each
        set_committed_value(order, "version", order.version + 1)
        set_committed_value(order, "state", target.value)
        set_committed_value(order, "state_since", moment)


def touch(order: Order, *, state: OrderState | None = None, since: datetime | None = None, **values: Any) -> None:
    """Move the order's version, and with it state (since then, else now) or columns, if nobody else has meanwhile.

    Raises StaleOrder when somebody has.
    """
    since = (since or now()) if state is not None else order.state_since
    if state is not None:
        values |= {"state": state.value, "state_since": since}
    db.session.flush()
    if (state or order.state) == OrderState.PENDING_REVIEW:
        values |= queue_place.columns(order, since, values.get("photo_id", order.photo_id))
    values["version"] = order.version + 1
    done = db.session.execute(
        update(Order)
        .where(Order.id == order.id, Order.version == order.version, Order.state == order.state)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise StaleOrder
    for name, value in values.items():  # what the database now says, without asking it once more
        set_committed_value(order, name, value)
    for name in {"photo", "form"} & {column.removesuffix("_id") for column in values}:
        db.session.expire(order, [name])


def _let_go(order: Order) -> None:
    """A cancelled or refunded order frees its collection code and whoever looks at it."""
    db.session.execute(
        update(CodeImage)
        .where(CodeImage.order_id == order.id, CodeImage.released_at.is_(None))
        .values(released_at=now())
    )
    db.session.execute(delete(Lease).where(Lease.order_id == order.id))
