"""A studio's folder: every photo finds its order or waits in the tray, whatever happens in between."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.adapters.storage import storage
from app.extensions import db
from app.models import CheckState, Event, IntakePhoto, Order, Photo
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.states import OrderState, Role
from app.services import submissions
from app.services.schools import onsite
from tests.factories import JPEG, Cast, make_account, make_form, make_order, make_photo
from tests.services.test_unit import in_threads


def _draft(cast: Cast, student_no: str, **values: Any) -> Order:
    """A student who filled in form and code at home and is photographed on site."""
    order = make_order(cast.campaign, OrderState.DRAFT, **values)
    order.form_id, order.photo_id = make_form(order, student_no=student_no).id, None
    db.session.commit()
    return order


def _take(cast: Cast, name: str, data: bytes = b"", mapping: dict[str, str] | None = None) -> onsite.Taken:
    return onsite.take(cast.campaign.id, name, JPEG + (data or name.encode()), mapping or {})


def _waiting() -> list[IntakePhoto]:
    return db.session.query(IntakePhoto).filter_by(state="waiting").all()


@pytest.mark.parametrize(
    "name",
    ["2023000001.jpg", "2023000001_王小明.jpg", "王小明 2023000001.JPG", "IMG_0042_2023000001.jpg", "(2023000001).jpg"],
)
def test_a_file_name_says_whose_it_is(any_cast: Cast, name: str) -> None:
    order_id = _draft(any_cast, "2023000001").id
    assert _take(any_cast, name).outcome == onsite.IMPORTED
    photo = db.session.get_one(Order, order_id).photo
    assert photo is not None
    assert (photo.source, photo.check_state) == ("onsite", CheckState.QUEUED)


def test_the_map_wins_over_the_name(cast: Cast) -> None:
    named, told = _draft(cast, "2023000001").id, _draft(cast, "2023000002").id
    mapping = onsite.read_map("文件,学号\r\nD:\\studio\\2023000001.JPG,2023000002\r\n".encode("gb18030"))
    assert _take(cast, "2023000001.jpg", mapping=mapping).outcome == onsite.IMPORTED
    assert db.session.get_one(Order, told).photo is not None
    assert db.session.get_one(Order, named).photo is None


@pytest.mark.parametrize("data", [b"only one column\n", b"\xff\xfe\x00\xff"])
def test_a_map_that_cannot_be_read_is_refused(app: Flask, data: bytes) -> None:
    with pytest.raises(Invalid):
        onsite.read_map(data)


def test_what_fits_nobody_or_several_waits_with_its_cause(cast: Cast) -> None:
    for number in ("2023000001", "2023000001", "2023000002"):
        _draft(cast, number)
    busy = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    busy.form_id = make_form(busy, student_no="2023000003").id
    db.session.commit()
    causes = {name: _take(cast, name).cause for name in ("DSC_1.jpg", "2023000001.jpg", "2023000002_2023000001.jpg",
                                                         "2023000003.jpg")}  # fmt: skip
    assert list(causes.values()) == [onsite.UNKNOWN, onsite.SEVERAL, onsite.SEVERAL, onsite.NOT_EDITABLE]
    assert {one.file_name for one in _waiting()} == set(causes)


def test_a_student_without_consent_keeps_their_photo_out_of_the_order(cast: Cast) -> None:
    order_id = _draft(cast, "2023000001", account=make_account(consented=False)).id
    assert _take(cast, "2023000001.jpg").outcome == onsite.UNMATCHED
    assert db.session.get_one(Order, order_id).photo is None


def test_a_folder_is_run_again_without_doubling_anything(cast: Cast) -> None:
    """Stopped anywhere and started again: known files are passed over, and a student who came later gets theirs."""
    order_id = _draft(cast, "2023000001").id
    names = ("2023000001.jpg", "2023000002.jpg", "readme.jpg")
    assert [_take(cast, name).outcome for name in names] == ["imported", "unmatched", "unmatched"]
    late = _draft(cast, "2023000002").id
    assert [_take(cast, name).outcome for name in names] == ["already there", "imported", "already there"]
    assert [_take(cast, name).outcome for name in names] == ["already there"] * 3
    for one in (order_id, late):
        assert db.session.query(Photo).filter_by(order_id=one, source="onsite").count() == 1
    assert [one.file_name for one in _waiting()] == ["readme.jpg"]


def test_waiting_photos_find_students_who_fill_in_their_form_later(cast: Cast) -> None:
    _take(cast, "2023000005.jpg")
    assert onsite.match_waiting() == 0
    order_id = _draft(cast, "2023000005").id
    assert onsite.match_waiting() == 1
    assert db.session.get_one(Order, order_id).photo is not None
    assert not _waiting()


def test_a_person_assigns_or_drops_what_waits(cast: Cast) -> None:
    order = _draft(cast, "2023000001")
    number, order_id = order.number, order.id
    _take(cast, "DSC_1.jpg")
    _take(cast, "DSC_2.jpg")
    first, second = (one.id for one in _waiting())
    keys = [str(one.key) for one in _waiting()]
    with pytest.raises(Invalid):
        onsite.assign_to(first, "no such student", cast.producer)
    onsite.assign_to(first, number.lower(), cast.producer)
    onsite.drop(second, cast.producer)
    assert not any(storage().exists(key) for key in keys)
    photo = db.session.get_one(Order, order_id).photo
    assert photo is not None and storage().exists(photo.original_key)
    assert _take(cast, "DSC_2.jpg").outcome == onsite.KNOWN  # dropped for good
    for gone in (first, second):
        with pytest.raises(NotFound):
            onsite.assign_to(gone, number, cast.producer)


def test_killed_between_order_and_tray_the_photo_is_on_the_order_once(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = _draft(cast, "2023000001").id
    _take(cast, "DSC_1.jpg")
    intake_id = _waiting()[0].id
    with monkeypatch.context() as killed:
        killed.setattr("app.services.schools.onsite.tray._settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            onsite.assign_to(intake_id, "2023000001", cast.producer)
    onsite.assign_to(intake_id, "2023000001", cast.producer)
    assert db.session.query(Photo).filter_by(order_id=order_id, source="onsite").count() == 1
    assert not _waiting()


def test_two_sweeps_at_once_match_a_photo_once(any_app: Flask, any_cast: Cast) -> None:
    for number in ("1", "2", "3"):
        assert _take(any_cast, f"202300000{number}.jpg").outcome == "unmatched"
        _draft(any_cast, f"202300000{number}")
    before = db.session.query(Photo).count()
    db.session.rollback()
    found = in_threads(any_app, 3, lambda _number: onsite.match_waiting())
    assert [one for one in found if isinstance(one, Exception)] == []
    onsite.match_waiting()
    assert db.session.query(Photo).count() == before + 3
    assert {row.state for row in db.session.query(IntakePhoto)} == {"assigned"}


@pytest.mark.parametrize("data", [b"", b"MZ not a picture", b"%PDF-1.4"])
def test_what_is_no_picture_is_refused(cast: Cast, data: bytes) -> None:
    taken = onsite.take(cast.campaign.id, "2023000001.jpg", data, {})
    assert taken.outcome == onsite.REFUSED
    assert taken.cause
    assert not _waiting()


def test_the_producer_submits_what_is_complete_and_nothing_else(any_cast: Cast) -> None:
    """Same guards as for the student: consent, form, code and a submittable photo; what is due stays due."""
    ready, unchecked, bad, without = (_draft(any_cast, f"202300000{n}") for n in range(1, 5))
    for order, verdict in ((ready, "passed"), (unchecked, None), (bad, "failed"), (without, "passed")):
        order.photo_id = make_photo(order, verdict=verdict, source="onsite").id
    for code in without.codes:
        code.payload = None
    db.session.commit()
    ids = [order.id for order in (ready, unchecked, bad, without)]
    assert [bool(one.missing) for one in onsite.drafts(any_cast.campaign)[0]] == [False, True, True, True]
    assert onsite.submit_ready(any_cast.campaign, any_cast.producer) == (1, 3)
    states = [db.session.get_one(Order, one).state for one in ids]
    assert states == [OrderState.PENDING_PAYMENT, *[OrderState.DRAFT] * 3]
    event = db.session.query(Event).filter_by(order_id=ids[0]).one()
    assert (event.actor_role, event.staff_id) == (Role.PRODUCER, any_cast.producer.id)
    assert db.session.get_one(Order, ids[0]).price_fen == any_cast.campaign.price_fen


def test_a_studio_photo_takes_no_try_of_the_student(cast: Cast) -> None:
    cast.campaign.tries = 1
    db.session.commit()
    order_id = _draft(cast, "2023000001").id
    submissions.add_onsite_photo(order_id, JPEG + b"1")
    submissions.add_onsite_photo(order_id, JPEG + b"2")
    assert submissions.tries_left(db.session.get_one(Order, order_id)) == 1


def test_an_order_in_review_takes_no_photo(cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    with pytest.raises(ActionNotAllowed):
        submissions.add_onsite_photo(order.id, JPEG)


def test_the_command_goes_through_a_folder(app: Flask, cast: Cast, tmp_path: Path) -> None:
    _draft(cast, "2023000001")
    studio = tmp_path / "studio"
    (studio / "sub").mkdir(parents=True)
    for name in ("2023000001.jpg", "sub/lost.jpg", ".hidden.jpg", "notes.txt", "bad.png"):
        (studio / name).write_bytes(b"bad" if name == "bad.png" else JPEG + name.encode())
    (tmp_path / "elsewhere.jpg").write_bytes(JPEG)
    (studio / "2023000001_link.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    with open(os.fsencode(studio) + b"/" + "王小明.jpg".encode("gb18030"), "wb") as windows:
        windows.write(JPEG)
    with (studio / "huge.jpg").open("wb") as huge:
        huge.write(JPEG)
        huge.truncate(10**12)
    done = app.test_cli_runner().invoke(args=["import-photos", cast.campaign.code, str(studio)])
    assert done.exit_code == 1
    assert "1 imported, 2 refused, 2 unmatched" in done.output
    assert {row.file_name for row in db.session.query(IntakePhoto)} == {"lost.jpg", "王小明.jpg"}
    assert f"/onsite/{cast.campaign.code}" in done.output
    done = app.test_cli_runner().invoke(args=["import-photos", "NOWHERE", str(studio)])
    assert done.exit_code == 1 and "没有这个批次" in done.output


def test_what_is_known_is_told_by_its_hash(cast: Cast) -> None:

    _draft(cast, "2023000001")
    _take(cast, "2023000001.jpg")
    _take(cast, "lost.jpg")
    digests = [hashlib.sha256(JPEG + name.encode()).hexdigest() for name in ("2023000001.jpg", "lost.jpg", "new.jpg")]
    assert onsite.known(cast.campaign.id, [*digests, "x", "' OR 1=1"]) == sorted(digests[:2])
