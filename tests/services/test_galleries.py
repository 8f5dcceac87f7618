"""Approve all green: only what was shown and seen, a sample kept, one set to take back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Order, Photo, RosterEntry, Staff
from app.rules.states import OrderState
from app.services.access import looks
from app.services.review import galleries, leases, queue_lists, review_queue
from app.services.review.decisions import Seen
from app.services.review.queue_filters import Filters
from app.services.unit import unit_of_work
from tests.factories import Cast, make_decision, make_order

EVERYTHING = Filters(verdict="passed")


def _shown(cast: Cast, count: int) -> list[Seen]:
    orders = [make_order(cast.campaign, OrderState.PENDING_REVIEW) for _ in range(count)]
    return [Seen(order.id, order.version, order.photo_id or 0) for order in orders]


def _look(staff: Staff, shown: list[Seen]) -> None:
    for seen in shown:
        looks.saw_photo(staff, seen.photo_id, "gallery")


def test_it_approves_what_was_seen_and_keeps_a_sample(any_cast: Cast) -> None:
    since, shown = now(), _shown(any_cast, 12)
    _look(any_cast.reviewer, shown[:11])
    with unit_of_work():
        db.session.get_one(Order, shown[0].order_id).version += 1  # moved meanwhile
    done = galleries.approve(any_cast.reviewer, shown, {shown[1].order_id}, since)
    assert (done.moved, done.unseen, done.sampled, len(done.made)) == (1, 1, 1, 8)
    assert {decision.kind for decision in done.made} == {"bulk"}
    assert len({decision.visible_from for decision in done.made}) == 1
    waiting = {row.id for row in db.session.query(Order).filter_by(state="pending_review")}
    assert {shown[0].order_id, shown[1].order_id, shown[11].order_id} < waiting and len(waiting) == 4


def test_looks_of_others_before_or_elsewhere_do_not_count(cast: Cast) -> None:
    shown = _shown(cast, 3)
    _look(cast.reviewer, shown[:1])
    since = now() + timedelta(seconds=1)
    _look(cast.other_reviewer, shown[1:2])
    looks.saw_photo(cast.reviewer, shown[2].photo_id, "review")
    done = galleries.approve(cast.reviewer, shown, set(), since)
    assert (len(done.made), done.unseen) == (0, 3)


def test_the_whole_set_is_taken_back_or_what_still_can_be(any_cast: Cast) -> None:
    since, shown = now(), _shown(any_cast, 6)
    _look(any_cast.reviewer, shown)
    made = [decision.id for decision in galleries.approve(any_cast.reviewer, shown, set(), since).made]
    with unit_of_work():
        db.session.get_one(Decision, made[0]).visible_from = now() - timedelta(seconds=1)
    assert galleries.undo(any_cast.other_reviewer, made) == 0
    assert galleries.undo(any_cast.reviewer, made) == len(made) - 1
    assert galleries.undo(any_cast.reviewer, made) == 0
    assert db.session.query(Order).filter_by(state="pending_production").count() == 1


def test_a_sample_is_not_offered_in_a_gallery_again(cast: Cast) -> None:
    since, shown = now(), _shown(cast, 12)
    _look(cast.reviewer, shown)
    galleries.approve(cast.reviewer, shown, set(), since)
    assert queue_lists.green(cast.reviewer, EVERYTHING, 40, "a") == []
    sample = db.session.get_one(Order, review_queue.offer_next(cast.reviewer, Filters(kind="sample"), tab="a"))
    assert sample.photo is not None and sample.photo.sampled_at is not None


@pytest.mark.parametrize("fault", ["decided", "asked", "unread code", "not passed", "other name", "no rendition"])
def test_what_deserves_a_look_of_its_own_is_not_in_a_gallery(cast: Cast, fault: str) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    fine = make_order(cast.campaign, OrderState.PENDING_REVIEW).id
    if fault == "decided":
        make_decision(order, "rejected")
    with unit_of_work():
        kept = db.session.get_one(Order, order.id)
        assert kept.photo is not None and kept.form is not None
        photo: Photo = kept.photo
        photo.human_review_requested_at = now() if fault == "asked" else None
        kept.code_unreadable = fault == "unread code"
        photo.verdict = "review" if fault == "not passed" else "passed"
        photo.rendition_key = None if fault == "no rendition" else photo.rendition_key
        if fault == "other name":
            entry = RosterEntry(campaign_id=kept.campaign_id, student_no=kept.form.student_no, name="另一人")
            db.session.add(entry)
    assert [one.id for one in queue_lists.green(cast.reviewer, EVERYTHING, 40, "a")] == [fine]


def test_two_reviewers_get_different_galleries(any_cast: Cast) -> None:
    _shown(any_cast, 20)
    one = {order.id for order in queue_lists.green(any_cast.reviewer, EVERYTHING, 12, "a")}
    two = {order.id for order in queue_lists.green(any_cast.other_reviewer, EVERYTHING, 12, "b")}
    assert (len(one), len(two), one & two) == (12, 8, set())
    assert set(leases.holders(list(one))) == one
