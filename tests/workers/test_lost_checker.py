"""Jobs whose checker is lost: the picture's fault counts against it, a machine without a checker against nobody."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from rq import Queue

from app.adapters.queue import connection
from app.extensions import db
from app.models import CodeImage, Order, Photo
from app.services.photos import codes, prechecks
from tests.factories import Cast, make_order, make_photo
from tests.services.test_codes import upload
from workers.checker import CheckerCrashed, CheckerFailed, CheckerHung, CheckerLost, CheckerStarved
from workers.jobs import code, precheck

NOBODY = [CheckerLost("none"), CheckerStarved("late")]
"""No checker was to be had."""


class Lost:
    """A checker that is lost whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def check(self, *_: Any, **__: Any) -> None:
        """Raises."""
        raise self.error

    def read_code(self, *_: Any) -> None:
        """Raises."""
        raise self.error


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give both jobs a checker that is lost with this error."""

    def give(error: Exception) -> None:
        for job in (code, precheck):
            monkeypatch.setattr(job, "checker", lambda: Lost(error))

    return give


@pytest.fixture
def order(app: Flask, cast: Cast) -> Order:
    return make_order(cast.campaign, complete=False)


@pytest.fixture
def code_id(order: Order) -> int:
    return upload(order)


@pytest.fixture
def photo_id(order: Order) -> int:
    photo = make_photo(order, verdict=None)
    order.photo_id = photo.id
    db.session.commit()
    return photo.id


def _code(code_id: int) -> CodeImage:
    db.session.rollback()
    return db.session.get_one(CodeImage, code_id)


def _photo(photo_id: int) -> Photo:
    db.session.rollback()
    return db.session.get_one(Photo, photo_id)


@pytest.mark.parametrize("error", NOBODY, ids=str)
def test_a_code_waits_for_a_checker_and_costs_no_try(lose: Any, order: Order, code_id: int, error: Exception) -> None:
    lose(error)
    assert code.read_code(code_id) == "waits"
    assert (_code(code_id).read_at, order.code_tries) == (None, 0)
    assert Queue("code", connection=connection(), serializer="json").job_ids == [f"code-{code_id}-1"]
    for _ in range(codes.STARTS_ALLOWED - 1):
        code.read_code(code_id)
    assert (_code(code_id).fault, order.code_tries) == ("unreadable_file", 1)  # nobody waits for good
    assert code.read_code(code_id) == "not waiting"


@pytest.mark.parametrize("error", [CheckerCrashed("x"), CheckerHung("x"), CheckerFailed("x"), OSError()], ids=repr)
def test_a_code_that_breaks_the_checker_is_unreadable(lose: Any, order: Order, code_id: int, error: Exception) -> None:
    lose(error)
    assert code.read_code(code_id) == "unreadable_file"
    assert (_code(code_id).fault, order.code_tries) == ("unreadable_file", 1)


@pytest.mark.parametrize("error", NOBODY, ids=str)
def test_a_photo_waits_for_a_checker_and_then_for_a_person(lose: Any, photo_id: int, error: Exception) -> None:
    lose(error)
    said = [precheck.check_photo(photo_id) for _ in range(prechecks.STARTS_ALLOWED)]
    found = _photo(photo_id)
    assert set(said) == {"waits"} and (found.crashes, found.check_state, found.verdict) == (0, "gave_up", "review")


@pytest.mark.parametrize("error", [CheckerCrashed("x"), CheckerHung("x")], ids=repr)
def test_a_photo_that_breaks_the_checker_twice_is_refused(lose: Any, photo_id: int, error: Exception) -> None:
    lose(error)
    assert [precheck.check_photo(photo_id) for _ in range(3)] == ["lost", "lost", "not waiting"]
    assert (_photo(photo_id).check_state, _photo(photo_id).verdict) == ("done", "failed")


@pytest.mark.parametrize("error", [CheckerFailed("x"), OSError(), ValueError()], ids=repr)
def test_a_photo_that_cannot_be_checked_is_left_to_a_person(lose: Any, photo_id: int, error: Exception) -> None:
    lose(error)
    assert precheck.check_photo(photo_id) == "gave up"
    assert (_photo(photo_id).check_state, _photo(photo_id).verdict) == ("gave_up", "review")
