"""Leases: offered to one tab, renewed, released, run out, taken over; never a lock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.adapters.clock import now
from app.extensions import db
from app.models import Lease, StaffSchool
from app.rules.faults import NotAllowed
from app.rules.states import OrderState, Role
from app.services.review import decisions, leases, review_queue
from app.services.review.decisions import Judgement, Seen
from app.services.review.queue_filters import Filters
from app.services.unit import unit_of_work
from tests.factories import Cast, make_order, make_school, make_staff

EVERYTHING = Filters()


def _waiting(cast: Cast, count: int) -> list[int]:
    return [make_order(cast.campaign, OrderState.PENDING_REVIEW).id for _ in range(count)]


def _run_out(order_id: int) -> None:
    with unit_of_work():
        db.session.get_one(Lease, order_id).expires_at = now() - timedelta(seconds=1)


def test_an_order_is_offered_to_one_person_until_the_lease_runs_out(any_cast: Cast) -> None:
    first, second = _waiting(any_cast, 2)
    mine = review_queue.offer_next(any_cast.reviewer, EVERYTHING, tab="a")
    theirs = review_queue.offer_next(any_cast.other_reviewer, EVERYTHING, tab="b")
    assert (mine, theirs) == (first, second)
    assert review_queue.offer_next(make_staff(Role.REVIEWER), EVERYTHING, tab="c") is None
    assert not leases.lease(first, any_cast.other_reviewer, "b")
    _run_out(first)
    again = review_queue.offer_next(any_cast.other_reviewer, EVERYTHING, [second], "b")
    assert again == first


def test_orders_of_other_schools_are_neither_leased_nor_told_of(any_cast: Cast) -> None:
    order = make_order(any_cast.campaign, OrderState.PENDING_REVIEW)
    order_id, bound = order.id, make_staff(Role.REVIEWER, make_school("10002"))
    assert not leases.lease(order_id, bound, "b", take_over=True)
    assert leases.renew([order_id], bound, "b") == set()
    assert leases.holders([order_id]) == {}
    seen, home = Seen(order_id, order.version, order.photo_id or 0), make_staff(Role.REVIEWER, any_cast.school)
    made = decisions.decide(home, seen, Judgement("approved")).id
    home.school_rows = [StaffSchool(school_id=make_school("10003").id)]  # moved since
    db.session.commit()
    with pytest.raises(NotAllowed):
        decisions.undo(home, made)


def test_two_tabs_of_one_person_are_offered_different_orders(any_cast: Cast) -> None:
    _waiting(any_cast, 2)
    one = review_queue.offer_next(any_cast.reviewer, EVERYTHING, tab="one")
    two = review_queue.offer_next(any_cast.reviewer, EVERYTHING, tab="two")
    assert one is not None and two is not None and one != two


def test_it_is_renewed_taken_over_and_the_loser_is_told(any_cast: Cast) -> None:
    (order_id,) = _waiting(any_cast, 1)
    assert leases.lease(order_id, any_cast.reviewer, "a")
    assert leases.renew([order_id], any_cast.reviewer, "a") == set()
    assert leases.lease(order_id, any_cast.other_reviewer, "b", take_over=True)
    assert leases.renew([order_id], any_cast.reviewer, "a") == {order_id}
    assert leases.holders([order_id])[order_id].name == any_cast.other_reviewer.name


def test_renewing_takes_back_what_ran_out_and_nobody_took(any_cast: Cast) -> None:
    (order_id,) = _waiting(any_cast, 1)
    leases.lease(order_id, any_cast.reviewer, "a")
    _run_out(order_id)
    assert leases.holders([order_id]) == {}
    assert leases.renew([order_id], any_cast.reviewer, "a") == set()
    assert leases.holders([order_id])[order_id].tab == "a"


def test_release_lets_go_of_own_leases_only(any_cast: Cast) -> None:
    mine, theirs = _waiting(any_cast, 2)
    leases.lease(mine, any_cast.reviewer, "a")
    leases.lease(theirs, any_cast.other_reviewer, "b")
    leases.release([mine, theirs], any_cast.reviewer, "a")
    assert set(leases.holders([mine, theirs])) == {theirs}


def test_a_lease_is_no_lock_the_version_decides(any_cast: Cast) -> None:
    order = make_order(any_cast.campaign, OrderState.PENDING_REVIEW)
    seen = Seen(order.id, order.version, order.photo_id or 0)
    leases.lease(order.id, any_cast.reviewer, "a")
    decisions.decide(any_cast.other_reviewer, seen, Judgement("approved"))
    assert leases.holders([seen.order_id]) == {}
    assert leases.renew([seen.order_id], any_cast.reviewer, "a") == set()  # decided: nothing to lose any more
    assert db.session.query(Lease).count() == 0
