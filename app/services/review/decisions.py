"""Approving, rejecting, undoing, recalling. A decision is about exactly what the reviewer saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import defer, joinedload

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Lease, Order, Photo, Staff
from app.rules.faults import ActionNotAllowed, Invalid, NotAllowed, StaleOrder
from app.rules.states import Action, OrderState, Role
from app.rules.text import N_
from app.services import batches, notices, queue_place
from app.services.review import rejections
from app.services.review.rejections import Told
from app.services.transitions import Actor, perform
from app.services.unit import Unit, unit_of_work

APPROVED, REJECTED = "approved", "rejected"


@dataclass(frozen=True)
class Seen:
    """What the reviewer had on the screen."""

    order_id: int
    version: int
    photo_id: int


@dataclass(frozen=True)
class Judgement:
    """What the reviewer says of it; `ms` is how long they looked."""

    outcome: str
    told: Told = field(default_factory=Told)
    note: str = ""
    ms: int = 0
    kind: str = "normal"


def actor(staff: Staff) -> Actor:
    """A member of staff as reviewer, or as lead."""
    role = Role.REVIEWER if Role.REVIEWER in staff.roles else Role.LEAD
    return Actor(role, staff.id)


def visible_from() -> datetime:
    """When a decision made now becomes visible to the student."""
    return now() + timedelta(seconds=current_app.config["VISIBLE_AFTER_SECONDS"])


def decide(staff: Staff, seen: Seen, judgement: Judgement) -> Decision:
    """Approve or reject what was seen.

    Raises StaleOrder when the order moved, ReasonRequired for a rejection without an active reason, Invalid for an
    approval without a rendition or an unfilled placeholder, NotAllowed for one's own decision under appeal.
    """
    query = _TO_REJECT if judgement.outcome == REJECTED else _TO_APPROVE
    with unit_of_work() as unit:
        order = db.session.scalars(query, {"order_id": seen.order_id}).unique().first()
        return decide_within(unit, staff, order, seen, judgement, visible_from())


_TO_APPROVE = (
    select(Order)
    .where(Order.id == bindparam("order_id"))
    .options(defer(Order.typed), joinedload(Order.photo), joinedload(Order.codes))
)
_TO_REJECT = _TO_APPROVE.options(joinedload(Order.photo).joinedload(Photo.checks))
"""A rejection tells what the checks measured."""


def decide_within(
    unit: Unit, staff: Staff, order: Order | None, seen: Seen, judgement: Judgement, visible: datetime
) -> Decision:
    """As `decide`, in an open unit that has read the order: for several in one transaction."""
    if order is None or order.version != seen.version or order.photo_id != seen.photo_id:
        raise StaleOrder
    within_reach(staff, order)
    appealed = _appealed(staff, order)
    photo = db.session.get_one(Photo, seen.photo_id)  # loaded with the order
    action = _action(judgement, photo)
    if action is Action.APPROVE and order.code_taken:
        raise Invalid(N_("采集码已转给另一订单，不能通过；请等学生撤回后重新上传，或以采集码为由驳回"))
    decision = Decision(
        order_id=order.id,
        photo_id=seen.photo_id,
        form_id=order.form_id,
        order_version=seen.version,
        staff_id=staff.id,
        kind="appeal" if appealed else judgement.kind,
        outcome=judgement.outcome,
        note=judgement.note.strip()[:500],
        visible_from=visible,
        ms=max(0, min(judgement.ms, 3_600_000)),
    )
    decision.reasons = rejections.rows(judgement.told, photo) if action is Action.REJECT else []
    db.session.add(decision)
    db.session.flush()
    also = {"decision_id": decision.id}
    perform(order, action, actor(staff), seen_version=seen.version, also=also, decision_id=decision.id)
    db.session.execute(delete(Lease).where(Lease.order_id == order.id))
    notices.order_moved(unit, order, judgement.outcome, visible)
    return decision


def _action(judgement: Judgement, photo: Photo) -> Action:
    if judgement.outcome == REJECTED:
        return Action.REJECT
    if judgement.outcome != APPROVED:
        raise Invalid
    if photo.rendition_key is None:
        raise Invalid(N_("没有成品照片，不能通过"))
    return Action.APPROVE


def within_reach(staff: Staff, order: Order) -> None:
    """Raises NotAllowed for an order of a school that this person has nothing to do with."""
    if not staff.sees(order.school_id):
        raise NotAllowed


def _appealed(staff: Staff, order: Order) -> bool:
    """Whether the order is under appeal.

    Raises NotAllowed when this person made the decision appealed against, or one before it about the same photo.
    """
    if order.decision_id is None:
        return False
    about = or_(Decision.id == order.decision_id, Decision.photo_id == order.photo_id)
    standing = select(Decision).where(Decision.order_id == order.id, Decision.undone_at.is_(None))
    made = db.session.scalars(standing.where(about)).all()
    appealed = any(one.id == order.decision_id and one.appealed_at is not None for one in made)
    if appealed and any(one.staff_id == staff.id for one in made):
        raise NotAllowed(N_("申诉必须由另一位审核员处理"))
    return appealed


def undo(staff: Staff, decision_id: int) -> Order:
    """Take a decision back: by the same reviewer, until it becomes visible and nothing else has happened.

    Raises ActionNotAllowed when it is too late.
    """
    with unit_of_work():
        return undo_within(staff, decision_id)


def undo_within(staff: Staff, decision_id: int) -> Order:
    """As `undo`, in an open unit: for several in one transaction."""
    decision = db.session.get(Decision, decision_id)
    if decision is None or decision.staff_id != staff.id:
        raise NotAllowed
    order = db.session.get_one(Order, decision.order_id)
    within_reach(staff, order)
    if not undoable(decision, order):
        raise ActionNotAllowed(N_("已经不能撤销：结果已对学生可见或订单已变化"))
    also = {"decision_id": _previous(decision)}
    since = queue_place.waited_since(order)  # nobody waits longer because of a wrong key
    perform(order, Action.UNDO, actor(staff), also=also, since=since, decision_id=decision.id)
    decision.undone_at = now()
    notices.cancel(order.id, decision.outcome, decision.order_version + 1)
    return order


def undoable(decision: Any, order: Any) -> bool:
    """Whether undo still holds: not visible yet, not undone, and the order's last decision."""
    return decision.undone_at is None and decision.visible_from > now() and order.decision_id == decision.id


def _previous(decision: Decision) -> int | None:
    return db.session.scalar(
        select(Decision.id)
        .where(Decision.order_id == decision.order_id, Decision.id < decision.id, Decision.undone_at.is_(None))
        .order_by(Decision.id.desc())
        .limit(1)
    )


def recall(staff: Staff, order_id: int, cause: str) -> None:
    """Bring a decided order back to review, with a written cause; its files in delivered batches become superseded.

    The student is told where they knew of the decision.
    """
    if not cause.strip():
        raise Invalid(N_("请填写召回原因"), {"cause": N_("请填写召回原因")})
    with unit_of_work() as unit:
        order = db.session.get_one(Order, order_id)
        role = next((r for r in (Role.ADMIN, Role.LEAD, Role.PRODUCER) if r in staff.roles), None)
        if role is None:
            raise NotAllowed
        was, decision = OrderState(order.state), db.session.get(Decision, order.decision_id or 0)
        perform(order, Action.RECALL, Actor(role, staff.id), cause=cause)
        batches.supersede(order.id, cause)
        if was is OrderState.REJECTED:
            order.decision_id = None
        if decision is None or decision.visible_from <= now():
            notices.order_moved(unit, order, "recalled")
