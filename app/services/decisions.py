"""Approving, rejecting, undoing. A decision is about exactly what the reviewer saw."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, select

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, DecisionReason, Lease, Order, Photo, PhotoCheck, Reason, Staff
from app.rules.faults import ActionNotAllowed, Fault, Invalid, NotAllowed, ReasonRequired, StaleOrder
from app.rules.states import Action, OrderState, Role
from app.rules.text import N_
from app.services import batches, notices
from app.services.reasons import PLACEHOLDER
from app.services.transitions import Actor, perform
from app.services.unit import Unit, unit_of_work

APPROVED, REJECTED = "approved", "rejected"

SAMPLE_SHARE = 0.05
"""Part of a gallery that stays in the queue, to be judged one by one."""


@dataclass(frozen=True)
class Seen:
    """What the reviewer had on the screen."""

    order_id: int
    version: int
    photo_id: int


@dataclass(frozen=True)
class Judgement:
    """What the reviewer says of it. `values` fill `{value}` in a reason's text, by reason code."""

    outcome: str
    reasons: Sequence[str] = ()
    note: str = ""
    ms: int = 0
    kind: str = "normal"
    values: Mapping[str, str] = field(default_factory=dict)


def actor(staff: Staff) -> Actor:
    """A member of staff as reviewer, or as lead."""
    role = Role.REVIEWER if Role.REVIEWER in staff.roles else Role.LEAD
    return Actor(role, staff.id)


def decide(staff: Staff, seen: Seen, judgement: Judgement) -> Decision:
    """Approve or reject what was seen.

    Raises StaleOrder when the order moved, ReasonRequired for a rejection without an active reason, Invalid for an
    approval without a rendition or an unfilled placeholder, NotAllowed for one's own decision under appeal.
    """
    with unit_of_work() as unit:
        return _decide(unit, staff, seen, judgement)


def _decide(unit: Unit, staff: Staff, seen: Seen, judgement: Judgement) -> Decision:
    order = db.session.get(Order, seen.order_id)
    if order is None or order.version != seen.version or order.photo_id != seen.photo_id:
        raise StaleOrder
    _may_decide(staff, order)
    appeal = _under_appeal(order)
    rows = _reasons(judgement, order)
    photo = db.session.get_one(Photo, seen.photo_id)
    if judgement.outcome == APPROVED and photo.rendition_key is None:
        raise Invalid(N_("没有成品照片，不能通过"))
    visible = now() + timedelta(seconds=current_app.config["VISIBLE_AFTER_SECONDS"])
    decision = Decision(
        order_id=order.id,
        photo_id=seen.photo_id,
        form_id=order.form_id,
        order_version=seen.version,
        staff_id=staff.id,
        kind="appeal" if appeal else judgement.kind,
        outcome=judgement.outcome,
        note=judgement.note.strip()[:500],
        visible_from=visible,
        ms=max(0, min(judgement.ms, 3_600_000)),
    )
    decision.reasons = rows
    db.session.add(decision)
    db.session.flush()
    action = Action.APPROVE if judgement.outcome == APPROVED else Action.REJECT
    perform(order, action, actor(staff), seen_version=seen.version, decision_id=decision.id)
    order.decision_id = decision.id
    db.session.execute(delete(Lease).where(Lease.order_id == order.id))
    notices.order_moved(unit, order, judgement.outcome, visible)
    return decision


def _may_decide(staff: Staff, order: Order) -> None:
    if staff.school_ids and order.school_id not in staff.school_ids:
        raise NotAllowed
    last = _under_appeal(order)
    if last is not None and last.staff_id == staff.id:
        raise NotAllowed(N_("申诉必须由另一位审核员处理"))


def _under_appeal(order: Order) -> Decision | None:
    last = db.session.get(Decision, order.decision_id) if order.decision_id else None
    return last if last is not None and last.appealed_at is not None else None


def _reasons(judgement: Judgement, order: Order) -> list[DecisionReason]:
    if judgement.outcome == APPROVED:
        return []
    if judgement.outcome != REJECTED:
        raise Invalid
    wanted = list(dict.fromkeys(judgement.reasons))
    found = db.session.scalars(select(Reason).where(Reason.code.in_(wanted), Reason.active)).all()
    if not wanted or len(found) != len(wanted):
        raise ReasonRequired
    by_code = {reason.code: reason for reason in found}
    return [_copied(by_code[code], judgement, order) for code in wanted]


def _copied(reason: Reason, judgement: Judgement, order: Order) -> DecisionReason:
    """A reason's texts as the student will read them, with the place and the measure of the check behind it."""
    check = None
    if reason.check_code and order.photo_id:
        check = db.session.scalar(
            select(PhotoCheck).where(PhotoCheck.photo_id == order.photo_id, PhotoCheck.code == reason.check_code)
        )
    value = judgement.values.get(reason.code) or (f"{check.value:g}" if check and check.value is not None else "")
    texts = [text.replace("{value}", value) if value else text for text in (reason.text_zh, reason.text_en)]
    if any(PLACEHOLDER.search(text) for text in texts):
        raise Invalid(N_("原因“%(label)s”还有未填写的内容"), {reason.code: N_("请填写")}, label=reason.label)
    bad = check is not None and check.verdict in ("fail", "warn")
    return DecisionReason(
        code=reason.code,
        text_zh=texts[0],
        text_en=texts[1],
        target=reason.target,
        region=check.region if check is not None and bad else None,
        value=check.value if check is not None else None,
    )


def undo(staff: Staff, decision_id: int) -> Order:
    """Take a decision back: by the same reviewer, until it becomes visible and nothing else has happened.

    Raises ActionNotAllowed when it is too late.
    """
    with unit_of_work():
        decision = db.session.get(Decision, decision_id)
        if decision is None or decision.staff_id != staff.id:
            raise NotAllowed
        order = db.session.get_one(Order, decision.order_id)
        if decision.undone_at is not None or decision.visible_from <= now() or order.decision_id != decision.id:
            raise ActionNotAllowed(N_("已经不能撤销：结果已对学生可见或订单已变化"))
        perform(order, Action.UNDO, actor(staff), decision_id=decision.id)
        decision.undone_at = now()
        order.decision_id = _previous(decision)
        notices.cancel(order, decision.outcome)
        return order


def _previous(decision: Decision) -> int | None:
    return db.session.scalar(
        select(Decision.id)
        .where(Decision.order_id == decision.order_id, Decision.id < decision.id, Decision.undone_at.is_(None))
        .order_by(Decision.id.desc())
        .limit(1)
    )


def recent(staff: Staff, limit: int = 10) -> Sequence[Decision]:
    """This person's last decisions, the newest first."""
    return db.session.scalars(
        select(Decision).where(Decision.staff_id == staff.id).order_by(Decision.id.desc()).limit(limit)
    ).all()


def undoable(decision: Decision) -> bool:
    """Whether the undo button still applies."""
    return decision.undone_at is None and decision.visible_from > now()


def approve_gallery(staff: Staff, shown: Sequence[Seen], taken_out: set[int]) -> tuple[list[Decision], int, int]:
    """Approve a gallery that was rendered to this person; returns the decisions, the sample kept, how many moved.

    Every photo is decided in its own transaction by the version that was shown, so one that moved meanwhile stops none.
    """
    wanted = [seen for seen in shown if seen.order_id not in taken_out]
    sample = math.ceil(len(wanted) * SAMPLE_SHARE) if len(wanted) > 1 else 0
    kept = set(random.SystemRandom().sample(range(len(wanted)), sample))
    made, moved = [], 0
    for index, seen in enumerate(wanted):
        if index in kept:
            continue
        try:
            with unit_of_work() as unit:
                order = db.session.get(Order, seen.order_id)
                if order is None or order.photo is None or order.photo.verdict != "passed":
                    raise StaleOrder
                made.append(_decide(unit, staff, seen, Judgement(APPROVED, kind="bulk")))
        except Fault:
            moved += 1
    return made, sample, moved


def undo_all(staff: Staff, decision_ids: Sequence[int]) -> int:
    """Take a whole gallery back while undo holds. Returns how many were."""
    done = 0
    for decision_id in decision_ids:
        try:
            undo(staff, decision_id)
            done += 1
        except Fault:
            continue
    return done


def recall(staff: Staff, order_id: int, cause: str) -> None:
    """Bring a decided order back to review, with a written cause; its files in delivered batches become superseded."""
    if not cause.strip():
        raise Invalid(N_("请填写召回原因"), {"cause": N_("请填写召回原因")})
    with unit_of_work() as unit:
        order = db.session.get_one(Order, order_id)
        role = next((r for r in (Role.ADMIN, Role.LEAD, Role.PRODUCER) if r in staff.roles), None)
        if role is None:
            raise NotAllowed
        was = OrderState(order.state)
        perform(order, Action.RECALL, Actor(role, staff.id), cause=cause)
        batches.supersede(order.id, cause)
        if was is OrderState.REJECTED:
            order.decision_id = None
        notices.order_moved(unit, order, "resubmitted")
