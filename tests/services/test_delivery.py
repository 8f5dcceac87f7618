"""Delivered batches as the school sees them: short-lived links, a log, differences that find their photo."""

from __future__ import annotations

import hashlib
import re
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from app.adapters.clock import now
from app.adapters.storage import storage
from app.demo import portraits
from app.export.verify import verify
from app.extensions import db
from app.models import Audit, Batch, BatchState, Order
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.states import OrderState, Role
from app.services import batches
from app.services.review import decisions
from app.services.review.decisions import Judgement, Seen
from app.services.transitions import Actor
from tests.factories import Cast, make_order, make_school, make_staff, sign_in


@pytest.fixture
def producer(cast: Cast) -> Actor:
    return Actor(Role.PRODUCER, cast.producer.id)


def _approved(cast: Cast, number: int) -> Order:
    """An approved order with a picture that a sheet can embed."""
    order = make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    data = portraits.jpeg(portraits.portrait(number, (480, 640)), 60)
    assert order.photo is not None and order.photo.rendition_key is not None
    storage().put(order.photo.rendition_key, data)
    order.photo.rendition_sha256 = hashlib.sha256(data).hexdigest()
    db.session.commit()
    return order


def _delivered(cast: Cast, producer: Actor, kind: str = "chsi") -> Batch:
    batch = batches.freeze(cast.campaign.id, kind, producer)
    assert batch is not None
    number = batch.number
    batches.build(batch.id, lambda done, total: None)
    batches.hand_over(batches.by_number(number).id, producer)
    return batches.by_number(number)


def test_a_school_sees_a_batch_once_it_is_handed_over(app: Flask, cast: Cast, producer: Actor) -> None:
    _approved(cast, 1)
    batch = batches.freeze(cast.campaign.id, "chsi", producer)
    assert batch is not None
    with pytest.raises(NotFound):
        batches.delivered_to(cast.liaison, batch.number)
    batches.build(batch.id, lambda done, total: None)
    batches.hand_over(batch.id, producer)
    assert batches.delivered_to(cast.liaison, batch.number).state == BatchState.HANDED_OVER
    stranger = make_staff(Role.SCHOOL, make_school("10002", name="另一大学"))
    with pytest.raises(NotFound):
        batches.delivered_to(stranger, batch.number)


@pytest.mark.parametrize("kind", ["chsi", "diploma"])
def test_the_download_is_the_batch_and_can_be_verified(
    app: Flask, cast: Cast, producer: Actor, tmp_path: Path, kind: str
) -> None:
    _approved(cast, 1)
    number = _delivered(cast, producer, kind).number
    client = sign_in(app.test_client(), cast.liaison)
    answer = client.post(f"/schools/batches/{number}/link", follow_redirects=True)
    assert answer.mimetype == "application/zip"
    (tmp_path / "got.zip").write_bytes(answer.data)
    if kind == "diploma":
        zipfile.ZipFile(BytesIO(answer.data)).extractall(tmp_path / "got")
    found = verify(tmp_path / ("got" if kind == "diploma" else "got.zip"))
    assert (found.problems, found.number, found.count) == ((), number, 1)
    actions = [row.action for row in db.session.query(Audit).order_by(Audit.id)]
    assert actions[-2:] == ["batch.link_made", "batch.downloaded"]
    assert cast.liaison.name in client.get(f"/schools/batches/{number}").text


def _token(client: FlaskClient, number: str) -> str:
    return str(client.post(f"/schools/batches/{number}/link").location)


def test_a_link_works_for_one_person_and_a_quarter_of_an_hour(app: Flask, cast: Cast, producer: Actor) -> None:
    _approved(cast, 1)
    number = _delivered(cast, producer).number
    client = sign_in(app.test_client(), cast.liaison)
    address = _token(client, number)
    colleague = sign_in(app.test_client(), make_staff(Role.SCHOOL, cast.school))
    assert colleague.get(address).status_code == 404
    assert client.get(address[:-3] + "xxx").status_code == 404
    assert client.get(address).status_code == 200
    with time_machine.travel(now() + timedelta(seconds=batches.TICKET_SECONDS + 2), tick=False):
        assert "失效" in client.get(address).text
    count = db.session.query(Audit).filter_by(action="batch.downloaded").count()
    assert count == 1  # refusals download nothing


def test_all_the_same_or_differences_never_both_never_neither(app: Flask, cast: Cast, producer: Actor) -> None:
    _approved(cast, 1)
    number = _delivered(cast, producer).number
    for same, lines, text in ((False, "", ""), (True, "2023 wrong", ""), (True, "", "but")):
        with pytest.raises(Invalid):
            batches.acknowledge(cast.liaison, number, same, lines, text)
    batches.acknowledge(cast.liaison, number, True, "", "")
    with pytest.raises(ActionNotAllowed):
        batches.acknowledge(cast.liaison, number, True, "", "")


def test_a_difference_leads_to_its_order(app: Flask, cast: Cast, producer: Actor) -> None:
    order = _approved(cast, 1)
    assert order.form is not None
    student_no, order_number = order.form.student_no, order.number
    number = _delivered(cast, producer).number
    (item,) = batches.frozen_rows(batches.by_number(number).id)
    lines = f"{student_no} 不是本人\n{item.file_name.upper()}.JPG\t太暗\n  \n9999 多出来的"
    assert batches.acknowledge(cast.liaison, number, False, lines, "") == 3
    found = batches.differences(batches.by_number(number))
    assert [(row.text, order_no) for row, order_no in found] == [
        ("不是本人", order_number), ("太暗", order_number), ("多出来的", "")
    ]  # fmt: skip
    page = sign_in(app.test_client(), cast.liaison).get(f"/schools/batches/{number}").text
    assert len(re.findall("批次中没有找到", page)) == 1


def test_recalled_photos_are_named_to_the_school(app: Flask, cast: Cast, producer: Actor) -> None:
    order = _approved(cast, 1)
    assert order.form is not None
    student_no, order_id = order.form.student_no, order.id
    number = _delivered(cast, producer).number
    decisions.recall(cast.producer, order_id, "照片拿错了")
    page = sign_in(app.test_client(), cast.liaison).get(f"/schools/batches/{number}").text
    assert "已被召回，请等待补充批次" in page
    assert student_no in page
    order = db.session.get_one(Order, order_id)
    decisions.decide(cast.reviewer, Seen(order.id, order.version, order.photo_id), Judgement("approved"))
    with time_machine.travel(now() + timedelta(seconds=30), tick=False):
        later = _delivered(cast, producer).number
    page = sign_in(app.test_client(), cast.liaison).get(f"/schools/batches/{number}").text
    assert "请以之后的批次为准" in page and f"/schools/batches/{later}" in page


def test_a_recalled_photo_is_named_by_its_path_in_the_batch(app: Flask, cast: Cast, producer: Actor) -> None:
    """Two of one name and number in a class: the second's file ends in -2, and that is the one to throw away."""
    orders = [_approved(cast, number) for number in (1, 2)]
    for order in orders:
        assert order.form is not None
        order.form.college, order.form.class_name = "文 学院", "一班"
        order.form.student_no, order.form.name = "9", "王一"
    db.session.commit()
    second = orders[1].id
    number = _delivered(cast, producer, "diploma").number
    decisions.recall(cast.producer, second, "照片拿错了")
    ((item, path),) = batches.recalled(batches.by_number(number))
    assert (item.position, path) == (2, "文 学院/一班/9_王一-2.jpg")
    page = sign_in(app.test_client(), cast.liaison).get(f"/schools/batches/{number}").text
    assert "<code>文 学院/一班/9_王一-2.jpg</code>" in page
    lines = "文 学院\\一班\\9_王一.jpg：拿错了\n文 学院/一班/9_王一-2 太暗\n9_王一-2.JPG，歪\n文 学院/一班/9_王二 旧名"
    assert batches.acknowledge(cast.liaison, number, False, lines, "") == 4
    found = [(row.text, order_no) for row, order_no in batches.differences(batches.by_number(number))]
    numbers = [order.number for order in orders]
    assert found == [("拿错了", numbers[0]), ("太暗", numbers[1]), ("歪", numbers[1]), ("旧名", numbers[1])]
