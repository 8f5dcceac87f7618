"""The order of the queue, its filters, and that no question of a reviewer reads every order there ever was."""

from __future__ import annotations

from datetime import timedelta

from app.adapters.clock import now
from app.extensions import db
from app.models import Campaign, Order, PhotoCheck
from app.rules.states import OrderState, Role
from app.services.review import leases, queue_lists, review_queue
from app.services.review.queue_filters import Filters
from app.services.schools import schools
from tests.bench.review_seed import fill
from tests.factories import Cast, make_campaign, make_decision, make_order, make_school, make_staff, queued
from tests.services.plans import PLANS, plan


def _at(campaign: Campaign, hours: int, **values: str) -> Order:
    order = make_order(campaign, OrderState.PENDING_REVIEW, **values)  # type: ignore[arg-type]
    order.state_since = now() - timedelta(hours=hours)
    queued(order)
    return order


SORTED_BY_INDEX = (
    "the next order", "the next by deadline", "the next to review", "the next passed by deadline",
    "resubmissions first",
)  # fmt: skip


def _ids(cast: Cast, **filters: str | int) -> list[int]:
    return [order.id for order in queue_lists.page(cast.reviewer, Filters(**filters))]  # type: ignore[arg-type]


def test_it_is_sorted_by_what_the_reviewer_asks(any_cast: Cast) -> None:
    urgent = make_campaign(any_cast.school, review_days=1)
    old = _at(any_cast.campaign, 30).id  # three days: due in 42 hours
    due = _at(urgent, 20).id  # one day: due in 4 hours
    failed = _at(any_cast.campaign, 10, verdict="failed").id
    again = _at(any_cast.campaign, 5)
    again.decision_id = make_decision(again, "rejected").id
    db.session.commit()
    again_id = again.id
    assert _ids(any_cast) == [old, due, failed, again_id]
    assert _ids(any_cast, sort="deadline") == [due, old, failed, again_id]
    assert _ids(any_cast, sort="verdict") == [failed, old, due, again_id]
    assert _ids(any_cast, sort="resubmitted") == [again_id, old, due, failed]


def test_it_is_filtered_by_campaign_verdict_check_and_kind(any_cast: Cast) -> None:
    other = make_campaign(any_cast.school)
    plain, elsewhere = _at(any_cast.campaign, 9).id, _at(other, 8).id
    failed, asked = _at(any_cast.campaign, 7, verdict="failed"), _at(any_cast.campaign, 6)
    failed_id, asked_id = failed.id, asked.id
    db.session.add(PhotoCheck(photo_id=failed.photo_id, code="mouth", verdict="fail"))
    db.session.add(PhotoCheck(photo_id=asked.photo_id, code="mouth", verdict="pass"))
    assert asked.photo is not None
    asked.photo.human_review_requested_at = now()
    db.session.commit()
    assert _ids(any_cast, campaign=other.id) == [elsewhere]
    assert _ids(any_cast, verdict="failed") == [failed_id]
    assert _ids(any_cast, check="mouth") == [failed_id]
    assert _ids(any_cast, kind="asked") == [asked_id]
    assert _ids(any_cast, kind="new") == [plain, elsewhere, failed_id, asked_id]
    assert _ids(any_cast, kind="resubmitted") == _ids(any_cast, kind="appeal") == _ids(any_cast, kind="sample") == []


def test_a_question_that_is_written_once_answers_each_for_themselves(any_cast: Cast) -> None:
    elsewhere = make_campaign(make_school("10003"))
    here, there = _at(any_cast.campaign, 9).id, _at(elsewhere, 8).id
    appealed = _at(any_cast.campaign, 7)
    decision = make_decision(appealed, "rejected", any_cast.reviewer)
    decision.appealed_at, appealed.decision_id = now(), decision.id
    db.session.commit()
    everything = Filters()
    sees = {
        any_cast.reviewer: [here, there],  # their own decision is appealed against
        any_cast.other_reviewer: [here, there, appealed.id],
        make_staff(Role.REVIEWER, any_cast.school): [here, appealed.id],
        make_staff(Role.REVIEWER, elsewhere.school): [there],
    }
    for _ in range(2):
        for staff, expected in sees.items():
            assert [one.id for one in queue_lists.page(staff, everything)] == expected
            assert review_queue.count(staff, everything) == len(expected)
            assert review_queue.offer_next(staff, everything, expected[:-1], "tab") == expected[-1]
            leases.release(expected, staff, "tab")


def test_no_question_of_a_reviewer_reads_every_order(any_cast: Cast) -> None:
    fill(_at(any_cast.campaign, 1), 8_000)  # every hundredth waits; with statistics, and the planner free to choose
    for what, filters in PLANS.items():
        lines = plan(any_cast.reviewer, filters)
        assert any("ix_order_wait" in line or "ix_order_queue" in line for line in lines), (what, lines)
        assert not [line for line in lines if _reads_all(line)], (what, lines)
        if what in SORTED_BY_INDEX:
            assert not [line for line in lines if "Sort" in line or "TEMP B-TREE" in line], (what, lines)


def _reads_all(line: str) -> bool:
    """Whether a plan's line scans a table that grows."""
    scan = "Seq Scan on" in line or (line.startswith("SCAN ") and "INDEX" not in line)
    return scan and not any(small in line for small in ("lease", "campaign"))


def test_filters_offer_a_persons_own_schools_only(any_cast: Cast) -> None:
    other = make_school("10002")
    mine, theirs = any_cast.campaign.id, make_campaign(other).id
    bound = make_staff(Role.REVIEWER, other)
    every, all_schools = {mine, theirs}, {other.id, any_cast.school.id}
    for staff, expected, of in ((bound, {theirs}, {other.id}), (any_cast.reviewer, every, all_schools)):
        of_schools, campaigns = schools.choices(staff)
        assert {campaign.id for campaign in campaigns} == expected
        assert {school.id for school in of_schools} == of
