"""Lease, version, reasons, undo, appeals, gallery: a photo is decided once, on what was seen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Event, Order, Outbox
from app.rules.faults import ActionNotAllowed, Invalid, NotAllowed, ReasonRequired, StaleOrder
from app.rules.states import OrderState, Role
from app.services import submissions
from app.services.review import decisions, review_queue
from app.services.review.decisions import Judgement, Seen
from app.services.review.queue_filters import Filters
from app.services.review.reasons import seed_reasons
from app.services.review.rejections import Told
from app.services.unit import unit_of_work
from tests.factories import Cast, make_order, make_staff

EVERYTHING = Filters()
APPROVE, REJECT = Judgement("approved"), Judgement("rejected", Told(("background",)))


@pytest.fixture(autouse=True)
def _reasons(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("any_app" if "any_cast" in request.fixturenames else "app")
    seed_reasons()


def _waiting(cast: Cast, count: int = 1) -> list[Order]:
    return [make_order(cast.campaign, OrderState.PENDING_REVIEW) for _ in range(count)]


def _seen(order: Order) -> Seen:
    assert order.photo_id is not None
    return Seen(order.id, order.version, order.photo_id)


def _visible(decision: Decision) -> None:
    with unit_of_work():
        db.session.get_one(Decision, decision.id).visible_from = now() - timedelta(seconds=1)


def test_of_two_decisions_on_one_page_the_first_wins(any_cast: Cast) -> None:
    (order,) = _waiting(any_cast)
    seen = _seen(order)
    decisions.decide(any_cast.reviewer, seen, APPROVE)
    with pytest.raises(StaleOrder):
        decisions.decide(any_cast.other_reviewer, seen, REJECT)
    assert db.session.query(Decision).count() == 1
    assert db.session.query(Event).filter_by(action="approve").count() == 1


def test_a_decision_is_hidden_until_it_is_visible_and_can_be_undone_until_then(any_cast: Cast) -> None:
    (order,) = _waiting(any_cast)
    made = decisions.decide(any_cast.reviewer, _seen(order), REJECT)
    order = db.session.get_one(Order, order.id)
    assert order.state == "rejected" and submissions.state_shown(order) is OrderState.PENDING_REVIEW
    assert all(row.not_before > now() for row in db.session.query(Outbox))
    with pytest.raises(NotAllowed):
        decisions.undo(any_cast.other_reviewer, made.id)
    assert decisions.undo(any_cast.reviewer, made.id).state == "pending_review"
    assert db.session.query(Outbox).count() == 0
    with pytest.raises(ActionNotAllowed):
        decisions.undo(any_cast.reviewer, made.id)


def test_undo_gives_an_order_its_place_in_the_queue_back(any_cast: Cast) -> None:
    """Neither the reviewer's queue nor the day promised to the student moves because of a wrong key."""
    (order,) = _waiting(any_cast)
    came = now() - timedelta(days=2)
    with unit_of_work():
        paid = Event(order_id=order.id, action="pay", from_state="pending_payment", to_state="pending_review",
                     actor_role="system", cause="", at=came)  # fmt: skip
        db.session.add(paid)
        order.state_since = came
    promised = submissions.review_by(order)
    for _ in range(2):
        order = db.session.get_one(Order, order.id)
        made = decisions.decide(any_cast.reviewer, _seen(order), REJECT)
        order = db.session.get_one(Order, order.id)
        assert submissions.review_by(order) == promised
        order = decisions.undo(any_cast.reviewer, made.id)
        assert order.state_since == came and order.queue_due == came + timedelta(days=order.campaign.review_days)
        assert submissions.review_by(order) == promised
    _visible(decisions.decide(any_cast.reviewer, _seen(order), REJECT))
    assert submissions.review_by(db.session.get_one(Order, order.id)) is None


def test_a_visible_decision_cannot_be_undone(cast: Cast) -> None:
    (order,) = _waiting(cast)
    made = decisions.decide(cast.reviewer, _seen(order), APPROVE)
    _visible(made)
    with pytest.raises(ActionNotAllowed):
        decisions.undo(cast.reviewer, made.id)


@pytest.mark.parametrize("reasons", [(), ("unknown",), ("background", "unknown")])
def test_a_rejection_needs_active_reasons(cast: Cast, reasons: tuple[str, ...]) -> None:
    (order,) = _waiting(cast)
    with pytest.raises(ReasonRequired):
        decisions.decide(cast.reviewer, _seen(order), Judgement("rejected", Told(reasons)))


def test_an_unfilled_placeholder_is_not_sent(cast: Cast) -> None:
    from app.models import Reason

    with unit_of_work():
        db.session.query(Reason).filter_by(code="light").one().text_zh = "亮度 {value}"
    (order,) = _waiting(cast)
    with pytest.raises(Invalid):
        decisions.decide(cast.reviewer, _seen(order), Judgement("rejected", Told(("light",))))
    filled = Judgement("rejected", Told(("light",), {"light": "30"}))
    assert decisions.decide(cast.reviewer, _seen(order), filled).reasons[0].text_zh == "亮度 30"


def test_an_approval_needs_a_rendition(cast: Cast) -> None:
    (order,) = _waiting(cast)
    with unit_of_work():
        photo = db.session.get_one(Order, order.id).photo
        assert photo is not None
        photo.rendition_key = None
    with pytest.raises(Invalid):
        decisions.decide(cast.reviewer, _seen(order), APPROVE)


def test_an_appeal_goes_to_somebody_else_once(cast: Cast) -> None:
    (order,) = _waiting(cast)
    number, account = order.number, order.account_id or 0
    _visible(decisions.decide(cast.reviewer, _seen(order), REJECT))
    order = db.session.get_one(Order, order.id)
    submissions.appeal(account, number, order.version)
    assert review_queue.offer_next(cast.reviewer, EVERYTHING) is None
    order = db.session.get_one(Order, order.id)
    with pytest.raises(NotAllowed):
        decisions.decide(cast.reviewer, _seen(order), APPROVE)
    again = decisions.decide(cast.other_reviewer, _seen(order), REJECT)
    assert again.kind == "appeal"
    _visible(again)
    order = db.session.get_one(Order, order.id)
    submissions.appeal(account, number, order.version)
    third = make_staff(Role.REVIEWER)
    for judged_before in (cast.reviewer, cast.other_reviewer):  # the same photo, whichever decision is appealed
        assert review_queue.offer_next(judged_before, EVERYTHING) is None
        with pytest.raises(NotAllowed):
            decisions.decide(judged_before, _seen(db.session.get_one(Order, order.id)), APPROVE)
    offered = db.session.get_one(Order, review_queue.offer_next(third, EVERYTHING))
    again = decisions.decide(third, _seen(offered), REJECT)
    _visible(again)
    with pytest.raises(ActionNotAllowed):
        first = db.session.query(Decision).order_by(Decision.id).first()
        assert first is not None and first.appealed_at is not None
        db.session.get_one(Decision, again.id).appealed_at = now()
        db.session.commit()
        submissions.appeal(account, number, db.session.get_one(Order, order.id).version)
