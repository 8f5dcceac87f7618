"""A photo's look by the machine: claimed once, kept once, never lost, and nobody is refused by a broken machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from rq import Queue

from app.adapters.clock import now
from app.adapters.queue import connection
from app.adapters.storage import storage
from app.extensions import db
from app.models import CheckState, Order, Photo
from app.rules.likeness import Look
from app.rules.report import Check, CheckVerdict, Report
from app.rules.states import OrderState
from app.services.photos import prechecks
from app.services.unit import unit_of_work
from tests.factories import Cast, make_account, make_order, make_photo

PASS = Check("eyes_open", CheckVerdict.PASS, 0.3, "ratio", 0.2)
FAIL = Check("eyes_open", CheckVerdict.FAIL, 0.1, "ratio", 0.2, fault="closed")


def finding(*checks: Check, pixels: str = "p" * 64, looks: tuple[Look, ...] = (), rendition: bytes | None = b"jpeg"):
    """What a checker child might have said."""
    report = Report("chsi-2017", "blue", 480, 640, checks or (PASS,), (0, 0, 480, 640))
    return prechecks.Finding(report, rendition, "r" * 64, b"preview", pixels, looks, "test-1")


@pytest.fixture
def waiting(app: Flask, cast: Cast) -> Photo:
    """A draft whose photo waits to be checked."""
    order = make_order(cast.campaign, complete=False)
    photo = make_photo(order, verdict=None)
    order.photo_id = photo.id
    db.session.commit()
    return photo


def fresh(photo_id: int) -> Photo:
    """The photo as it rests in the database."""
    db.session.expire_all()
    return db.session.get_one(Photo, photo_id)


def test_a_check_is_queued_only_after_the_commit(waiting: Photo) -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work() as unit:
        prechecks.queue_check(unit, waiting)
        raise ZeroDivisionError
    assert Queue("precheck", connection=connection()).count == 0
    with unit_of_work() as unit:
        prechecks.queue_check(unit, db.session.get_one(Photo, waiting.id))
    assert Queue("precheck", connection=connection(), serializer="json").job_ids == [f"precheck-{waiting.id}-0"]


def test_only_one_worker_claims_a_photo(waiting: Photo) -> None:
    first, second = prechecks.claim(waiting.id), prechecks.claim(waiting.id)
    assert first is not None
    assert (first.check_state, first.attempt) == (CheckState.RUNNING, 1)
    assert second is None


@pytest.mark.parametrize(("check", "verdict"), [(PASS, "passed"), (FAIL, "failed")])
def test_a_finding_is_kept_whole(waiting: Photo, check: Check, verdict: str) -> None:
    prechecks.claim(waiting.id)
    version = db.session.get_one(Order, waiting.order_id).version
    prechecks.keep(waiting.id, 1, finding(check))
    photo = fresh(waiting.id)
    assert (photo.check_state, photo.verdict) == (CheckState.DONE, verdict)
    assert {row.code for row in photo.checks} == {"eyes_open", "duplicate"}
    assert photo.rendition_key and storage().get(photo.rendition_key) == b"jpeg"
    assert db.session.get_one(Order, waiting.order_id).version == version + 1


def test_the_map_of_a_wrong_wall_is_kept_beside_the_photo(waiting: Photo) -> None:
    prechecks.claim(waiting.id)
    prechecks.keep(waiting.id, 1, replace(finding(), wall=b"map"))
    assert storage().get(waiting.original_key.removesuffix("-original") + "-wall.png") == b"map"


def test_a_late_answer_of_an_attempt_given_up_is_dropped(waiting: Photo) -> None:
    prechecks.claim(waiting.id)
    waiting.check_state, waiting.started_at = CheckState.RUNNING.value, now() - timedelta(hours=1)
    db.session.commit()
    assert prechecks.requeue_lost() == 1
    prechecks.claim(waiting.id)
    prechecks.keep(waiting.id, 1, finding(FAIL))
    assert fresh(waiting.id).verdict is None
    prechecks.keep(waiting.id, 2, finding(PASS))
    prechecks.keep(waiting.id, 2, finding(FAIL))
    assert fresh(waiting.id).verdict == "passed"


def test_two_crashes_refuse_the_file_with_what_to_do(waiting: Photo) -> None:
    prechecks.claim(waiting.id)
    prechecks.crashed(waiting.id, 1)
    assert fresh(waiting.id).check_state == CheckState.QUEUED
    prechecks.claim(waiting.id)
    prechecks.crashed(waiting.id, 2)
    photo = fresh(waiting.id)
    (row,) = photo.checks
    assert (row.code, row.verdict, row.fault, photo.verdict) == ("file_readable", "fail", "crashed", "failed")


def test_a_broken_machine_leaves_the_photo_to_a_person(waiting: Photo) -> None:
    prechecks.claim(waiting.id)
    prechecks.give_up(waiting.id, 1, "unavailable")
    photo = fresh(waiting.id)
    assert (photo.check_state, photo.verdict) == (CheckState.GAVE_UP, "review")
    assert prechecks.submittable(photo)


def test_a_photo_in_time_is_not_requeued(waiting: Photo) -> None:
    prechecks.claim(waiting.id)
    assert prechecks.requeue_lost() == 0


@pytest.mark.parametrize(
    ("copy", "verdict"),
    [
        ({"pixels": "a" * 64}, "fail"),  # same pixels on another person's order
        ({"pixels": "b" * 64, "looks": ((1, 2, 3, 4, 5, 6, 7, 0),)}, "warn"),  # a re-encoded copy
        ({"pixels": "b" * 64, "looks": ((0,) * 8, (1, 2, 3, 4, 5, 6, 7, 0))}, "warn"),  # seen with the window moved
        ({"pixels": "b" * 64, "looks": ((1, *[0xAAAAAA] * 7),)}, "pass"),  # another picture
    ],
)
def test_the_same_picture_on_another_order(waiting: Photo, cast: Cast, copy: dict, verdict: str) -> None:
    prechecks.claim(waiting.id)
    prechecks.keep(waiting.id, 1, finding(pixels="a" * 64, looks=((1, 2, 3, 4, 5, 6, 7, 8), (0xAAAAAA,) * 8)))
    other = make_photo(make_order(cast.campaign, complete=False), verdict=None)
    prechecks.claim(other.id)
    prechecks.keep(other.id, 1, finding(**copy))
    assert {row.code: row.verdict for row in fresh(other.id).checks}["duplicate"] == verdict


def test_a_students_own_earlier_photo_is_no_duplicate(waiting: Photo) -> None:
    prechecks.claim(waiting.id)
    prechecks.keep(waiting.id, 1, finding(pixels="a" * 64))
    again = make_photo(db.session.get_one(Order, waiting.order_id), verdict=None)
    prechecks.claim(again.id)
    prechecks.keep(again.id, 1, finding(pixels="a" * 64))
    assert fresh(again.id).verdict == "passed"


def test_a_cancelled_orders_picture_is_no_duplicate(waiting: Photo, cast: Cast) -> None:
    gone = make_order(cast.campaign, OrderState.CANCELLED, account=make_account())
    gone_photo = db.session.get_one(Photo, gone.photo_id)
    gone_photo.pixel_sha256 = "a" * 64
    db.session.commit()
    prechecks.claim(waiting.id)
    prechecks.keep(waiting.id, 1, finding(pixels="a" * 64))
    assert fresh(waiting.id).verdict == "passed"
