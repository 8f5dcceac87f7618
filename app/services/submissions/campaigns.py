"""Which campaigns a student finds: by 特征码, by school, the one they used last."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import Campaign, Order, School
from app.rules.faults import NotFound
from app.rules.text import N_


def campaign_by_code(code: str) -> Campaign:
    """A campaign of an active school by its 特征码, open or not. Raises NotFound."""
    found = db.session.scalar(
        select(Campaign).join(School).where(func.upper(Campaign.code) == code.strip().upper(), School.active)
    )
    if found is None:
        raise NotFound(N_("没有这个特征码，请核对学校通知"))
    return found


def campaign_by_id(campaign_id: int | None) -> Campaign:
    """A campaign that a form named. Raises NotFound."""
    found = db.session.get(Campaign, campaign_id) if campaign_id is not None else None
    if found is None:
        raise NotFound
    return found


def is_open(campaign: Campaign) -> bool:
    """Whether today, in Beijing, lies within the campaign of an active school."""
    ended = campaign.closed_at is not None or not campaign.school.active
    return campaign.opens <= beijing(now()).date() <= campaign.closes and not ended


def open_campaigns(school: str, limit: int = 20) -> Sequence[Campaign]:
    """Campaigns open today of schools whose name or code holds these characters."""
    today = beijing(now()).date()
    return db.session.scalars(
        select(Campaign)
        .join(School)
        .where(
            School.active,
            Campaign.closed_at.is_(None),
            Campaign.opens <= today,
            Campaign.closes >= today,
            School.name.contains(school, autoescape=True) | (School.code == school),
        )
        .order_by(School.name, Campaign.name)
        .limit(limit)
    ).all()


def last_campaign(account_id: int) -> Campaign | None:
    """The campaign of the student's newest order."""
    return db.session.scalar(
        select(Campaign)
        .join(Order, Order.campaign_id == Campaign.id)
        .where(Order.account_id == account_id)
        .order_by(Order.id.desc())
        .limit(1)
    )
