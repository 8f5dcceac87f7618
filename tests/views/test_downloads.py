"""A receiver without an account: link and code, and what ends them."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask

from app.adapters.clock import now
from app.extensions import db
from app.models import Audit, Batch, BatchLink
from app.services import batches
from app.services.batches.links import NewLink
from tests.factories import Cast, sign_in
from tests.services.exports import approved, exported


@pytest.fixture
def batch(cast: Cast) -> Batch:
    approved(cast, 2)
    return exported(cast)


@pytest.fixture
def made(batch: Batch, cast: Cast) -> NewLink:
    return batches.make_link(batch.number, 3, "档案馆", cast.producer)


def _downloads() -> list[str]:
    return [row.cause for row in db.session.query(Audit).filter_by(action="batch.downloaded")]


def test_the_address_and_its_code_are_shown_once(app: Flask, cast: Cast, batch: Batch) -> None:
    client = sign_in(app.test_client(), cast.producer)
    shown = client.post(f"/production/batches/{batch.number}/links", data={"receiver": "档案馆", "days": "3"}).text
    kept = db.session.query(BatchLink).one()
    address = shown.split('readonly value="')[1].split('"')[0]
    code = shown.split('readonly value="')[2].split('"')[0]
    again = client.get(f"/production/batches/{batch.number}").text
    assert "档案馆" in again and address not in again and code not in again
    assert code not in repr(vars(kept)) and urlsplit(address).path.rsplit("/", 1)[1] not in repr(vars(kept))
    got = app.test_client().post(urlsplit(address).path, data={"code": f" {code.lower()} "})
    assert len([name for name in zipfile.ZipFile(io.BytesIO(got.data)).namelist() if name.startswith("photos/")]) == 2
    assert _downloads() == ["档案馆"]


def test_a_wrong_code_is_counted_and_the_link_dies_of_five(app: Flask, made: NewLink) -> None:
    receiver, address = app.test_client(), f"/d/{made.token}"
    for left in (4, 3, 2, 1):
        answer = receiver.post(address, data={"code": "WRONG"})
        assert answer.status_code == 422 and f"还可以试 {left} 次" in answer.text
    assert receiver.post(address, data={"code": "WRONG"}).status_code == 404
    assert receiver.post(address, data={"code": made.code}).status_code == 404  # the right one comes too late
    assert _downloads() == []


def test_an_expired_or_revoked_link_is_like_one_that_never_was(
    app: Flask, cast: Cast, batch: Batch, made: NewLink
) -> None:
    receiver, address = app.test_client(), f"/d/{made.token}"
    never = receiver.get("/d/never").text.replace("/d/never", address)
    assert receiver.get(address).status_code == 200
    with time_machine.travel(now() + timedelta(days=3, seconds=1), tick=False):
        assert receiver.get(address).status_code == receiver.post(address, data={"code": made.code}).status_code == 404
    link = db.session.query(BatchLink).one()
    producer = sign_in(app.test_client(), cast.producer)
    assert producer.post(f"/production/batches/{batch.number}/links/{link.id}/revoke").status_code == 303
    assert receiver.get(address).text == never
    assert receiver.post(address, data={"code": made.code}).status_code == 404


def test_a_link_of_a_discarded_batch_brings_nothing(app: Flask, cast: Cast, batch: Batch, made: NewLink) -> None:
    batches.discard(batch.id, batches.PRODUCER, "wrong")
    assert app.test_client().post(f"/d/{made.token}", data={"code": made.code}).status_code == 404
    assert _downloads() == []
