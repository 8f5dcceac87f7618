"""The only writer of an order's state: one conditional update, one event row, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, update

from app.adapters.clock import now
from app.extensions import db
from app.models import CodeImage, Event, Lease, Order
from app.rules.faults import ActionNotAllowed, NotAllowed, StaleOrder
from app.rules.states import LIVE, TRANSITIONS, Action, OrderState, Role, find


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
    **refs: int | None,
) -> Event:
    """Move `order` by `action` and write its event. Call it inside a unit of work.

    `to` picks the target where the table has two; `seen_version` is the version the person saw on their page; `refs`
    are the event's photo_id, form_id, decision_id, batch_id, payment_id. Guards beyond the table (consents, reasons,
    visibility) belong to the calling service.

    Raises NotAllowed when this role never may, ActionNotAllowed when not from this state, StaleOrder when the order
    moved meanwhile.
    """
    state = OrderState(order.state)
    if seen_version is not None and seen_version != order.version:
        raise StaleOrder
    transition = find(action, state, actor.role)
    if transition is None:
        if not any(t.action is action and actor.role in t.roles for t in TRANSITIONS):
            raise NotAllowed
        raise ActionNotAllowed
    target = to or next(iter(transition.targets))
    if target not in transition.targets or (to is None and len(transition.targets) > 1):
        raise ValueError(f"{action} needs one of {sorted(transition.targets)} as its target")
    touch(order, state=target)
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


def touch(order: Order, *, state: OrderState | None = None, **values: Any) -> None:
    """Move the order's version, and with it state or columns, if nobody else has since it was read.

    Raises StaleOrder when somebody has.
    """
    moment = now()
    if state is not None:
        values |= {"state": state.value, "state_since": moment}
    db.session.flush()
    done = db.session.execute(
        update(Order)
        .where(Order.id == order.id, Order.version == order.version, Order.state == order.state)
        .values(version=order.version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise StaleOrder
    db.session.refresh(order)


def _let_go(order: Order) -> None:
    """A cancelled or refunded order frees its collection code and whoever looks at it."""
    db.session.execute(
        update(CodeImage)
        .where(CodeImage.order_id == order.id, CodeImage.released_at.is_(None))
        .values(released_at=now())
    )
    db.session.execute(delete(Lease).where(Lease.order_id == order.id))
