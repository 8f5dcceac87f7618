"""The demo school: filled once, and a fill that was interrupted goes on where it ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app

from app.adapters.clock import now
from app.demo import school
from app.demo.people import people
from app.demo.story import Story
from app.extensions import db
from app.models import Account, Batch, Decision, Event, Order, Payment, StudentRequest
from app.services.money import money_story
from app.simulator.protocol import beijing_time
from app.simulator.state import State

FEW = {"draft": 1, "resubmitted": 1, "refunded": 1, "delivered": 2}


@pytest.fixture
def few(app: Flask, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """A demo with a handful of students, into this test's own folder."""
    app.config["STORAGE"] = f"folder:{tmp_path / 'store'}"
    app.config["BATCH_FOLDER"] = str(tmp_path / "batches")
    left = dict(FEW)
    chosen = []
    for person in people():
        if left.get(person.story, 0):
            left[person.story] -= 1
            chosen.append(person)
    monkeypatch.setattr(school, "people", lambda: chosen)
    return len(chosen)


def test_an_interrupted_fill_goes_on(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    played, play = [], Story.play

    def interrupted(story: Story) -> None:
        if len(played) == 2:
            raise KeyboardInterrupt
        played.append(story.person.number)
        play(story)

    monkeypatch.setattr(Story, "play", interrupted)
    with pytest.raises(KeyboardInterrupt):
        school.fill(lambda text: None)
    db.session.rollback()
    monkeypatch.setattr(Story, "play", play)
    school.fill(lambda text: None)
    assert db.session.query(Account).count() == db.session.query(Order).count() == few
    assert sorted(batch.kind for batch in db.session.query(Batch)) == ["chsi", "diploma"]


def test_the_stories_lie_in_the_past_and_in_order_and_a_complete_demo_is_left_alone(few: int) -> None:
    school.fill(lambda text: None)
    for order in db.session.query(Order):
        times = [order.created_at, *(event.at for event in order.events)]
        assert times == sorted(times)
        assert all(before < after for before, after in pairwise(times))
        assert order.state_since == times[-1]
    waiting = db.session.query(Order).filter_by(state="pending_review").one()
    assert waiting.photo is not None and waiting.submitted_at is not None
    assert waiting.created_at < waiting.submitted_at < waiting.photo.created_at < now()  # the photo of the resubmission
    _money_lies_with_its_events()
    taken = [decision.at - _arrival(decision) for decision in db.session.query(Decision)]
    assert len(taken) == FEW["delivered"] + FEW["resubmitted"] and min(taken) >= timedelta(minutes=30)
    assert [row.kind for row in db.session.query(StudentRequest)] == ["code"]  # nobody here has cancelled
    said: list[str] = []
    school.fill(said.append)
    assert said == ["  the demo school is there already"]
    assert db.session.query(Order).count() == few


def _money_lies_with_its_events() -> None:
    """A story of money reads in its order, and WeChat's books have it at the same time as ours."""
    books = State(Path(current_app.instance_path) / "simulator.json")
    payments = db.session.query(Payment).all()
    assert len(payments) == 2
    for paid in payments:
        events = {event.action: event.at for event in paid.order.events}
        told = [(entry.kind, entry.what) for entry in money_story.tell(paid.order).entries]
        wanted = [("order", "submit"), ("payment", "opened"), ("payment", "paid"), ("order", "pay")]
        refund = [("order", "close"), ("refund", "asked"), ("refund", "succeeded")] if paid.refunds else []
        assert told == wanted + refund
        assert events["submit"] < paid.created_at < paid.paid_at == events["pay"] < paid.expires_at
        assert books.trades[paid.out_trade_no]["success_time"] == beijing_time(paid.paid_at.timestamp())
        for one in paid.refunds:
            assert one.created_at == events["close"] <= one.settled_at
            assert abs(books.refunds[one.out_refund_no]["at"] - one.settled_at.timestamp()) < 5


def _arrival(decision: Decision) -> datetime:
    """When the order entered the queue."""
    arrivals = db.session.query(Event).filter_by(order_id=decision.order_id, to_state="pending_review")
    return max(event.at for event in arrivals if event.at < decision.at)
