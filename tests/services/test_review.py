"""Lease, version, reasons, undo, appeals, gallery: a photo is decided once, on what was seen."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections import Counter
from datetime import timedelta

import pytest
from flask import Flask

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Event, Lease, Order, Outbox, Staff
from app.rules.faults import ActionNotAllowed, Fault, Invalid, NotAllowed, ReasonRequired, StaleOrder
from app.rules.states import OrderState, Role
from app.services import decisions, review_queue, statistics, submissions
from app.services.decisions import Judgement, Seen
from app.services.reasons import seed_reasons
from app.services.review_queue import Filters
from app.services.unit import unit_of_work
from tests.factories import Cast, make_order, make_staff

REVIEWERS, ORDERS = (50, 400) if os.environ.get("CAIXIANG_SOAK") else (8, 40)
EVERYTHING = Filters()
APPROVE, REJECT = Judgement("approved"), Judgement("rejected", reasons=("background",))


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


def test_an_order_is_offered_to_one_person_until_the_lease_runs_out(any_cast: Cast) -> None:
    first, second = (order.id for order in _waiting(any_cast, 2))
    mine = review_queue.offer_next(any_cast.reviewer, EVERYTHING)
    theirs = review_queue.offer_next(any_cast.other_reviewer, EVERYTHING)
    assert mine is not None and theirs is not None
    assert (mine.id, theirs.id) == (first, second)
    assert review_queue.offer_next(make_staff(Role.REVIEWER), EVERYTHING) is None
    assert not review_queue.lease(first, any_cast.other_reviewer)
    with unit_of_work():
        db.session.get_one(Lease, first).expires_at = now() - timedelta(seconds=1)
    again = review_queue.offer_next(any_cast.other_reviewer, EVERYTHING)
    assert again is not None and again.id == first
    assert review_queue.lease(first, any_cast.reviewer, take_over=True)
    holder = review_queue.holder(first)
    assert holder is not None and holder.id == any_cast.reviewer.id


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
        decisions.decide(cast.reviewer, _seen(order), Judgement("rejected", reasons=reasons))


def test_an_unfilled_placeholder_is_not_sent(cast: Cast) -> None:
    from app.models import Reason

    with unit_of_work():
        db.session.query(Reason).filter_by(code="light").one().text_zh = "亮度 {value}"
    (order,) = _waiting(cast)
    with pytest.raises(Invalid):
        decisions.decide(cast.reviewer, _seen(order), Judgement("rejected", reasons=("light",)))
    filled = Judgement("rejected", reasons=("light",), values={"light": "30"})
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
    with pytest.raises(ActionNotAllowed):
        first = db.session.query(Decision).order_by(Decision.id).first()
        assert first is not None and first.appealed_at is not None
        db.session.get_one(Decision, again.id).appealed_at = now()
        db.session.commit()
        submissions.appeal(account, number, db.session.get_one(Order, order.id).version)


def test_a_gallery_approves_what_was_shown_keeps_a_sample_and_can_be_reversed(cast: Cast) -> None:
    orders = _waiting(cast, 12)
    shown = [_seen(order) for order in orders]
    with unit_of_work():
        db.session.get_one(Order, shown[0].order_id).version += 1  # moved meanwhile
    made, sample, moved = decisions.approve_gallery(cast.reviewer, shown, {shown[1].order_id})
    assert sample == 1 and len(made) + sample + moved == 11
    assert {decision.kind for decision in made} == {"bulk"}
    assert decisions.undo_all(cast.reviewer, [decision.id for decision in made]) == len(made)
    assert db.session.query(Order).filter_by(state="pending_review").count() == 12


def test_the_figures_equal_a_recomputation(cast: Cast) -> None:
    chance = random.Random(7)
    for order in _waiting(cast, 20):
        outcome = chance.choice([APPROVE, REJECT])
        made = decisions.decide(chance.choice([cast.reviewer, cast.other_reviewer]), _seen(order), outcome)
        if chance.random() < 0.2:
            decisions.undo(db.session.get_one(Staff, made.staff_id), made.id)
    counted = [d for d in db.session.query(Decision) if d.undone_at is None]
    figures = statistics.figures(7)
    rejected = sum(d.outcome == "rejected" for d in counted)
    assert figures.by_school == [("示例大学", len(counted), rejected)]
    assert sum(person.decided for person in figures.reviewers) == sum(n for _, n in figures.by_hour) == len(counted)
    assert figures.by_reason == ([("background", rejected)] if rejected else [])
    assert figures.waiting == 20 - len(counted)


class Crowd:
    """Reviewers at once: they vanish with a lease, press twice, and meet each other's decisions."""

    def __init__(self, app: Flask, people: list[int]) -> None:
        self.app, self.people = app, people

    def run(self) -> None:
        """All of them, until nothing is left."""
        threads = [threading.Thread(target=self._work, args=(person,)) for person in self.people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, staff_id: int) -> None:
        chance, idle = random.Random(staff_id), 0
        with self.app.app_context():
            while idle < 40:
                idle = 0 if self._one(staff_id, chance) else idle + 1
                db.session.remove()

    def _one(self, staff_id: int, chance: random.Random) -> bool:
        staff = db.session.get_one(Staff, staff_id)
        order = review_queue.offer_next(staff, EVERYTHING)
        if order is None:
            self._leases_run_out()
            return False
        seen = _seen(order)
        with contextlib.suppress(Fault):
            if chance.random() > 0.1:  # else the browser died
                for _ in range(1 + (chance.random() < 0.2)):
                    decisions.decide(staff, seen, chance.choice([APPROVE, REJECT]))
        return True

    def _leases_run_out(self) -> None:
        with unit_of_work():
            db.session.query(Lease).update({"expires_at": now() - timedelta(seconds=1)})


def test_many_reviewers_with_crashes_decide_every_order_exactly_once(any_app: Flask, any_cast: Cast) -> None:
    ids = [order.id for order in _waiting(any_cast, ORDERS)]
    Crowd(any_app, [make_staff(Role.REVIEWER).id for _ in range(REVIEWERS)]).run()
    db.session.rollback()
    assert db.session.query(Order).filter_by(state="pending_review").count() == 0
    per_order = Counter(row.order_id for row in db.session.query(Decision))
    assert per_order == dict.fromkeys(ids, 1)
    moves = Counter(row.order_id for row in db.session.query(Event) if row.action in ("approve", "reject"))
    assert moves == per_order
