"""What a waiting order carries for the queue is, after whatever happens to it, what it was copied from."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.extensions import db
from app.models import CheckState, Order, Photo
from app.rules.report import Check, CheckVerdict
from app.rules.states import Action, OrderState, Role
from app.services import queue_place, submissions
from app.services.photos import prechecks
from app.services.review import decisions, exemptions
from app.services.review.decisions import Judgement, Seen
from app.services.review.reasons import seed_reasons
from app.services.review.rejections import Told
from app.services.schools import campaigns
from app.services.transitions import Actor, perform_all, touch
from app.services.unit import unit_of_work
from tests.factories import Cast, make_order, make_photo
from tests.rules.test_campaign_form import GOOD
from tests.services.test_prechecks import finding

HISTORIES = 400 if os.environ.get("CAIXIANG_SOAK") else 12
VERDICTS = {"failed": CheckVerdict.FAIL, "review": CheckVerdict.WARN, "passed": CheckVerdict.PASS}


def _order(order_id: int) -> Order:
    db.session.rollback()
    return db.session.get_one(Order, order_id)


def _photo(order_id: int) -> Photo:
    photo = _order(order_id).photo
    assert photo is not None
    return photo


def judged(_cast: Cast, order_id: int, verdict: str) -> None:
    """The machine looks at the photo once more."""
    photo = _photo(order_id)
    photo.check_state = CheckState.QUEUED.value
    db.session.commit()
    claimed = prechecks.claim(photo.id)
    assert claimed is not None
    found = finding(Check("headwear", VERDICTS[verdict]), pixels=f"pixels-{claimed.id}")
    prechecks.keep(claimed.id, claimed.attempt, found)


def exempted(cast: Cast, order_id: int, verdict: str) -> None:
    """A lead switches the check off, or on again."""
    if verdict == "passed":
        exemptions.grant(cast.lead, order_id, "headwear", "宗教")
    else:
        exemptions.withdraw(cast.lead, order_id, "headwear")


def replaced(_cast: Cast, order_id: int, verdict: str) -> None:
    """The student takes it back, changes the photo and sends it again."""
    order = _order(order_id)
    number, account = order.number, order.account_id or 0
    submissions.withdraw(account, number, order.version)
    photo = make_photo(_order(order_id), verdict=verdict.replace("failed", "review"))
    with unit_of_work():
        touch(db.session.get_one(Order, order_id), photo_id=photo.id)
    submissions.resubmit(account, number, _order(order_id).version)


def undone(cast: Cast, order_id: int, verdict: str) -> None:
    """It is decided, and the decision taken back."""
    made = _decide(cast, order_id, verdict)
    decisions.undo(cast.reviewer, made)


def recalled(cast: Cast, order_id: int, verdict: str) -> None:
    """It is decided, and a lead calls it back."""
    _decide(cast, order_id, verdict)
    decisions.recall(cast.lead, order_id, "看错了")


def _decide(cast: Cast, order_id: int, verdict: str) -> int:
    order = _order(order_id)
    said = Judgement("rejected", Told(("background",))) if verdict == "failed" else Judgement("approved")
    return decisions.decide(cast.reviewer, Seen(order.id, order.version, order.photo_id or 0), said).id


def promised(cast: Cast, order_id: int, verdict: str) -> None:
    """The campaign promises other days."""
    campaign = _order(order_id).campaign
    values = GOOD | {"review_days": str(len(verdict)), "rule": str(campaign.rule_id)}
    campaigns.save(values, ["chsi"], cast.admin, campaign.code)


HAPPENS: tuple[Callable[[Cast, int, str], None], ...] = (judged, exempted, replaced, undone, recalled, promised)
STEP = st.tuples(st.sampled_from(HAPPENS), st.integers(0, 1), st.sampled_from(sorted(VERDICTS)))


@settings(max_examples=HISTORIES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(STEP, min_size=1, max_size=6))
def test_the_copies_are_what_they_were_copied_from(any_cast: Cast, history: list[tuple]) -> None:  # type: ignore[type-arg]
    seed_reasons()
    ids = [make_order(any_cast.campaign, OrderState.PENDING_REVIEW).id for _ in range(2)]
    for happens, which, verdict in history:
        happens(any_cast, ids[which], verdict)
        for order_id in ids:
            order, verdict_now = _order(order_id), _photo(order_id).verdict or ""
            assert order.state == OrderState.PENDING_REVIEW
            assert order.queue_verdict == queue_place.RANKS.get(verdict_now, queue_place.NONE_YET)
            assert order.queue_due == order.state_since + timedelta(days=order.campaign.review_days)


def test_many_at_once_never_start_to_wait(any_cast: Cast) -> None:
    """They would need their copies, which only moving one by one writes."""
    order = make_order(any_cast.campaign, OrderState.REJECTED)
    with pytest.raises(ValueError, match="wait for review"), unit_of_work():
        perform_all([order], Action.RESUBMIT, Actor(Role.STUDENT), batch_id=1)
