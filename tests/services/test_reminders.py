"""Progress, reminders and the end of a campaign: who is counted where, bounded reminders, nobody harmed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import Campaign, NoticeConsent, Order, Outbox, Reminder, RosterEntry
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.states import UNFINISHED, OrderState
from app.services import notices
from app.services.schools import endings, progress, reminders
from app.services.unit import unit_of_work
from app.services.upkeep import expiry
from tests.factories import Cast, make_campaign, make_form, make_order

DAY = timedelta(days=1)


def _order(cast: Cast, state: OrderState, *, reachable: bool = True, **form: Any) -> Order:
    """An order whose student once allowed many messages, or none."""
    order = make_order(cast.campaign, state)
    for scene in range(1, 10) if reachable else ():
        db.session.add(NoticeConsent(order_id=order.id, scene=scene))
    if form:
        order.form_id = make_form(order, **form).id
    db.session.commit()
    return order


def _expect(cast: Cast, *numbers: str, **values: str) -> None:
    for number in numbers:
        db.session.add(RosterEntry(campaign_id=cast.campaign.id, student_no=number, name="未到", **values))
    db.session.commit()


def _outbox(kind: str) -> list[Outbox]:
    return db.session.query(Outbox).filter_by(kind=kind).all()


def test_every_state_is_counted_once_and_classes_are_the_rosters(any_cast: Cast) -> None:
    for state in OrderState:
        _order(any_cast, state)
    mine = _order(any_cast, OrderState.COMPLETED, student_no="2023000900", college="写错了", class_name="")
    _expect(any_cast, "2023000900", "2023000901", college="医学院", class_name="临床2301")
    classes = progress.by_class(any_cast.campaign)
    whole = progress.altogether(classes)
    assert (whole.done, whole.reviewing, whole.acting, whole.not_begun, whole.expected) == (4, 1, 4, 1, 2)
    assert {one.class_name: (one.done, one.not_begun) for one in classes}["临床2301"] == (1, 1)
    assert [one.college for one in progress.by_college(classes)] == ["医学院", "文学院"]
    own = progress.figures(any_cast.campaign)
    assert (own.parts, own.expected, own.states) == (whole.parts, whole.expected, whole.states)
    counts = progress.counts(any_cast.campaign, whole)
    for stage in progress.STAGES:
        lines = progress.lines(any_cast.campaign, stage)
        assert counts[stage] == len(lines) == len(list(progress.every_line(any_cast.campaign, stage))), stage
    assert progress.numbers(any_cast.campaign)["2023000900"] == mine.state


def test_lists_are_paged_across_roster_and_orders(cast: Cast) -> None:
    _expect(cast, *[f"2022{number:04d}" for number in range(7)])
    for _ in range(4):
        _order(cast, OrderState.REJECTED)
    seen = []
    for page in range(1, 5):
        seen += progress.lines(cast.campaign, "unfinished", page, size=3)
    assert len(seen) == len({line.student_no for line in seen}) == 11
    assert progress.lines(cast.campaign, "unfinished", 5, size=3) == []


def test_a_reminder_goes_only_to_whom_it_is_the_turn(any_cast: Cast) -> None:
    orders = {state: _order(any_cast, state) for state in OrderState}
    outcome = reminders.send_round(any_cast.campaign.id)
    reminded = {row.ids["order"] for row in _outbox("reminder")}
    assert reminded == {orders[state].id for state in UNFINISHED}
    assert (outcome.sent, outcome.unreachable) == (4, 0)


def test_reminders_rest_and_then_run_out(any_cast: Cast) -> None:
    _order(any_cast, OrderState.DRAFT)
    start = now()
    sent = []
    for day in range(15):
        with time_machine.travel(start + day * DAY, tick=False):
            sent.append(reminders.send_round(any_cast.campaign.id).sent)
    assert [day for day, count in enumerate(sent) if count] == [0, 3, 6]
    assert sum(sent) == reminders.MOST == db.session.query(Reminder).count()


def test_two_rounds_at_once_remind_once(any_cast: Cast) -> None:
    _order(any_cast, OrderState.REJECTED)
    first, second = (reminders.send_round(any_cast.campaign.id) for _ in range(2))
    assert (first.sent, second.sent, second.resting) == (1, 0, 1)


def test_who_cannot_be_reached_keeps_their_reminders(any_cast: Cast) -> None:
    _order(any_cast, OrderState.DRAFT, reachable=False)
    _expect(any_cast, "2023000901")
    assert reminders.send_round(any_cast.campaign.id).unreachable == 2
    assert db.session.query(Reminder).count() == 0


def test_a_reminder_on_its_way_stops_when_the_student_is_done(cast: Cast) -> None:
    order = _order(cast, OrderState.DRAFT)
    reminders.send_round(cast.campaign.id)
    row_id = _outbox("reminder")[0].id
    with unit_of_work():
        db.session.get_one(Order, order.id).state = OrderState.PENDING_REVIEW.value
    assert notices.send(row_id) == "gone"
    assert _outbox("reminder") == []


def test_expected_students_get_mail_until_they_begin(cast: Cast, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str, str]] = []
    monkeypatch.setitem(app.config, "SMTP_URL", "smtp://localhost:1")
    monkeypatch.setattr("app.adapters.mail.send", lambda *words: sent.append(words))
    _expect(cast, "2023000901", contact="a@example.com")
    _expect(cast, "2023000902", contact="b@example.com")
    assert reminders.send_round(cast.campaign.id).sent == 2
    _order(cast, OrderState.DRAFT, student_no="2023000902")
    assert sorted(notices.send(row.id) for row in _outbox("reminder")) == ["email", "gone"]
    assert [to for to, _, _ in sent] == ["a@example.com"]
    assert f"/c/{cast.campaign.code}" in sent[0][2]


def test_the_schedule_reminds_and_says_goodbye_once(cast: Cast) -> None:
    """Every five days by the schedule; three days before the last day one last notice, then nothing more of it."""
    _order(cast, OrderState.REJECTED)
    with unit_of_work():
        db.session.get_one(Campaign, cast.campaign.id).remind_days = 5
    start, kinds = now(), []
    for day in range(25):
        with time_machine.travel(start + day * DAY, tick=False):
            before = {row.id for row in db.session.query(Reminder)}
            reminders.due()
            kinds += [(day, row.kind) for row in db.session.query(Reminder) if row.id not in before]
    assert kinds == [(0, "reminder"), (5, "reminder"), (10, "reminder"), (17, "last_notice")]


def test_nobody_is_reminded_after_the_end(cast: Cast) -> None:
    _order(cast, OrderState.DRAFT)
    endings.end(cast.campaign.code, cast.campaign.code, cast.admin)
    with pytest.raises(ActionNotAllowed):
        reminders.send_round(cast.campaign.id)


def test_what_the_end_will_do_is_what_it_does(any_cast: Cast) -> None:
    """The page's numbers beforehand, then the same numbers in the orders."""
    for state in OrderState:
        _order(any_cast, state)
    plan = endings.plan(any_cast.campaign)
    assert (plan.total(endings.CANCELLED), plan.total(endings.CLOSED), plan.total(endings.STAYS)) == (2, 4, 2)
    endings.end(any_cast.campaign.code, any_cast.campaign.code.lower(), any_cast.admin)
    assert expiry.expire_due() == 2
    assert expiry.close_due() == 4
    assert expiry.close_due() == 0
    left = sorted(order.state for order in db.session.query(Order))
    assert left == sorted(["cancelled"] * 7 + ["refunded", "in_production", "completed"])


def test_the_end_needs_the_code_typed(cast: Cast) -> None:
    with pytest.raises(Invalid):
        endings.end(cast.campaign.code, "", cast.admin)
    assert db.session.get_one(Campaign, cast.campaign.id).closed_at is None


def test_a_recalled_order_of_an_ended_campaign_is_not_swept_away(cast: Cast) -> None:
    endings.end(cast.campaign.code, cast.campaign.code, cast.admin)
    with time_machine.travel(now() + DAY, tick=False):
        order = _order(cast, OrderState.PENDING_REVIEW)
        assert expiry.close_due() == 0
        endings.end(cast.campaign.code, cast.campaign.code, cast.admin)
        assert expiry.close_due() == 1
    assert db.session.get_one(Order, order.id).state == OrderState.CANCELLED


def test_a_campaign_ends_by_itself_but_waits_for_us(cast: Cast) -> None:
    today = beijing(now()).date()
    over = make_campaign(cast.school, opens=today - 60 * DAY, closes=today - 15 * DAY)
    grace = make_campaign(cast.school, opens=today - 60 * DAY, closes=today - 14 * DAY)
    slow = make_campaign(cast.school, opens=today - 60 * DAY, closes=today - 30 * DAY)
    make_order(over, OrderState.REJECTED)
    waiting = make_order(slow, OrderState.PENDING_REVIEW)
    assert endings.end_due() == 1
    ended = {one.id for one in db.session.query(Campaign).filter(Campaign.closed_at.is_not(None))}
    assert ended == {over.id}
    with unit_of_work():
        db.session.get_one(Order, waiting.id).state = OrderState.REJECTED.value
    assert endings.end_due() == 1
    assert db.session.get_one(Campaign, grace.id).closed_at is None


def test_an_end_can_be_taken_back_before_the_last_day(cast: Cast) -> None:
    endings.end(cast.campaign.code, cast.campaign.code, cast.admin)
    endings.reopen(cast.campaign.code, cast.admin)
    assert db.session.get_one(Campaign, cast.campaign.id).closed_at is None
    endings.end(cast.campaign.code, cast.campaign.code, cast.admin)
    with unit_of_work():
        db.session.get_one(Campaign, cast.campaign.id).closes = beijing(now()).date() - DAY
    with pytest.raises(ActionNotAllowed):
        endings.reopen(cast.campaign.code, cast.admin)
