"""The demo school: filled once, and a fill that was interrupted goes on where it ended."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.demo import school
from app.demo.people import people
from app.demo.story import Story
from app.extensions import db
from app.models import Account, Batch, Order

FEW = {"draft": 1, "pending_review": 1, "delivered": 2}


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


def test_a_complete_demo_is_left_alone(few: int) -> None:
    school.fill(lambda text: None)
    said: list[str] = []
    school.fill(said.append)
    assert said == ["The demo school is there already."]
    assert db.session.query(Order).count() == few
