"""The first step: one live order per student and campaign."""

from __future__ import annotations

import secrets

from sqlalchemy.exc import IntegrityError

from app.extensions import db
from app.models import Account, Campaign, Order
from app.rules.faults import ActionNotAllowed
from app.rules.states import Role
from app.rules.text import N_
from app.services.students import consents
from app.services.submissions.campaigns import is_open
from app.services.submissions.shown import live_order
from app.services.transitions import Actor
from app.services.unit import unit_of_work

STUDENT = Actor(Role.STUDENT)


NUMBER_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that is misread on the phone


def start(account_id: int, campaign_id: int) -> Order:
    """The student's live order of a campaign, or a new draft. Raises ActionNotAllowed without consents or too late."""
    if not consents.complete(account_id):
        raise consents.ConsentNeeded
    found = live_order(account_id, campaign_id)
    if found is not None:
        return found
    try:
        with unit_of_work():
            if db.session.get_one(Account, account_id, with_for_update=True).erased_at is not None:
                raise consents.ConsentNeeded  # erased this very moment: the next page asks to sign in
            campaign = db.session.get_one(Campaign, campaign_id)
            if not is_open(campaign):
                raise ActionNotAllowed(N_("该批次当前不在采集时间内"))
            order = Order(
                number=new_number(), account_id=account_id, campaign_id=campaign_id, school_id=campaign.school_id
            )
            db.session.add(order)
            return order
    except IntegrityError:  # two taps at once: the other one made it
        again = live_order(account_id, campaign_id)
        if again is None:
            raise
        return again


def new_number() -> str:
    """A random order number: it tells nothing and cannot be guessed."""
    return "".join(secrets.choice(NUMBER_ALPHABET) for _ in range(12))
