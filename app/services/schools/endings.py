"""The end of a campaign: what will happen to whom, said beforehand; the last notice; then close, refund, retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import Campaign, Order, Payment, PaymentState, Staff
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.states import LIVE, OrderState
from app.rules.text import N_
from app.services import audit
from app.services.schools import schools
from app.services.unit import unit_of_work
from app.services.upkeep.expiry import CLOSABLE

CANCELLED, CLOSED, STAYS = "cancelled", "closed", "stays"


@dataclass(frozen=True)
class Fate:
    """What the end means for the orders of one state: cancelled, closed (refunded where paid) or left alone."""

    state: str
    count: int
    paid: int
    fen: int

    @property
    def fate(self) -> str:
        state = OrderState(self.state)
        if state in CLOSABLE:
            return CLOSED
        return CANCELLED if state in (OrderState.DRAFT, OrderState.PENDING_PAYMENT) else STAYS


@dataclass(frozen=True)
class Ending:
    """What the end of a campaign means, in numbers."""

    fates: Sequence[Fate]
    closes_by_itself: date
    purged_after: date

    def total(self, fate: str) -> int:
        """Orders with this fate."""
        return sum(one.count for one in self.fates if one.fate == fate)

    @property
    def refunds(self) -> int:
        return sum(one.paid for one in self.fates if one.fate == CLOSED)

    @property
    def refund_fen(self) -> int:
        return sum(one.fen for one in self.fates if one.fate == CLOSED)

    @property
    def waiting_for_us(self) -> int:
        """Orders that wait for a reviewer or a producer, not for the student."""
        ours = (OrderState.PENDING_REVIEW, OrderState.PENDING_PRODUCTION)
        return sum(one.count for one in self.fates if one.state in ours)


def plan(found: Campaign) -> Ending:
    """What ending this campaign now would do. Writes nothing."""
    paid = select(Payment.order_id, Payment.amount_fen).where(Payment.state == PaymentState.PAID.value).subquery()
    rows = db.session.execute(
        select(
            Order.state,
            func.count(Order.id.distinct()),
            func.count(paid.c.order_id.distinct()),
            func.coalesce(func.sum(paid.c.amount_fen), 0),
        )
        .outerjoin(paid, paid.c.order_id == Order.id)
        .where(Order.campaign_id == found.id, Order.state.in_([state.value for state in LIVE]))
        .group_by(Order.state)
    ).all()
    by_state = {state: Fate(state, count, payers, fen) for state, count, payers, fen in rows}
    return Ending(
        [by_state[state.value] for state in OrderState if state.value in by_state],
        found.closes + timedelta(days=found.grace_days + 1),
        found.closes + timedelta(days=found.retention_days),
    )


def end(code: str, typed: str, staff: Staff) -> None:
    """End a campaign now; the next sweeps cancel or close what is unfinished, and paid money goes back.

    Raises Invalid unless its 特征码 was typed. On a campaign that has ended it takes in what came back since.
    """
    if typed.strip().upper() != code.upper():
        raise Invalid(fields={"typed": N_("请输入特征码以确认结束")})
    with unit_of_work():
        found = schools.campaign(staff, code)
        found.closed_at = now()
        audit.note(staff, "campaign.ended", f"campaign-{found.id}")


def reopen(code: str, staff: Staff) -> None:
    """Take an end back; orders that were closed meanwhile stay closed. Raises ActionNotAllowed after the last day."""
    with unit_of_work():
        found = schools.campaign(staff, code)
        if found.closed_at is None or found.closes < beijing(now()).date():
            raise ActionNotAllowed(N_("请先把结束日期改到今天或以后，再重新开放"))
        found.closed_at = None
        audit.note(staff, "campaign.reopened", f"campaign-{found.id}")


def end_due() -> int:
    """End campaigns whose days of grace are over. Returns how many.

    While an order waits for us (review, production) the campaign stays: nobody is refunded because we were slow.
    """
    today, ended = beijing(now()).date(), 0
    running = db.session.scalars(select(Campaign).where(Campaign.closed_at.is_(None), Campaign.closes < today)).all()
    for found in running:
        ending = plan(found)
        if ending.closes_by_itself <= today and not ending.waiting_for_us:
            campaign_id = found.id
            with unit_of_work():
                db.session.get_one(Campaign, campaign_id).closed_at = now()
                audit.note(None, "campaign.ended", f"campaign-{campaign_id}")
            ended += 1
    return ended
