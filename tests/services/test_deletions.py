"""Deletion on request: asked, answered in writing, carried out as often as it takes; what the law keeps stays."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import pytest
from flask import Flask

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import (
    Account,
    Audit,
    Batch,
    BatchItem,
    BatchState,
    Identity,
    IntakePhoto,
    Order,
    Outbox,
    Payment,
    PaymentState,
    Photo,
    Refund,
    StudentRequest,
)  # fmt: skip
from app.models.photo import GONE
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.states import OrderState, Role
from app.services import audit, batches, notices, submissions
from app.services.students import consents, deletions, student_requests
from app.services.transitions import Actor
from app.services.upkeep import retention
from tests.factories import Cast, make_account, make_campaign, make_order, make_school, make_staff, sign_in
from tests.services.money import later

ANSWER = "已核实身份，同意删除。"


def _ask(account: Account) -> int:
    account_id = account.id
    deletions.ask(account_id)
    return db.session.query(StudentRequest).filter_by(account_id=account_id, state="open").one().id


def _paid(order: Order) -> Order:
    facts = {"method": "jsapi", "amount_fen": 1500, "state": PaymentState.PAID.value, "transaction_id": "W1"}
    db.session.add(Payment(order_id=order.id, out_trade_no="T1", expires_at=now(), paid_at=now(), **facts))
    db.session.commit()
    return order


def _batched(order: Order, released: bool = False) -> Order:
    batch = Batch(number=f"B{order.id}", kind="chsi", school_id=order.school_id, campaign_id=order.campaign_id,
                  state=BatchState.HANDED_OVER.value)  # fmt: skip
    db.session.add(batch)
    db.session.flush()
    db.session.add(BatchItem(batch_id=batch.id, position=1, order_id=order.id, photo_id=order.photo_id,
                             form_id=order.form_id, kind="chsi", frozen='{"name":"王小明"}', sha256="1",
                             released_at=now() if released else None))  # fmt: skip
    db.session.commit()
    return order


def _fates(account_id: int) -> list[tuple[bool, str]]:
    return [(fate.goes, fate.why) for fate in deletions.fates(account_id)][::-1]


def test_the_story_of_a_deletion(any_app: Flask, any_cast: Cast) -> None:
    """Asked, refused with a cause, asked again, granted, told, carried out, and the account a week later."""
    app, cast = any_app, any_cast
    student, admin = sign_in(app.test_client(), cast.student), sign_in(app.test_client(), cast.admin)
    order = _batched(_paid(make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)), released=True)
    order_id, account_id, number = order.id, cast.student.id, order.number
    db.session.add(Identity(account_id=account_id, provider="wechat", appid="wx1", openid="o-1"))
    db.session.commit()
    for _ in range(2):
        assert student.post("/me/deletion").status_code == 303  # twice is once
    first = db.session.query(StudentRequest).one().id
    assert number in admin.get("/requests/").text
    page = admin.get(f"/requests/deletions/{first}").text
    assert deletions.REFUND in page
    assert "电子商务法" in page
    answer = admin.post(f"/requests/deletions/{first}", data={"outcome": "refused", "answer": " "})
    assert (answer.status_code, "请写明答复" in answer.text) == (422, True)
    for _ in range(2):
        data = {"outcome": "refused", "answer": "请先向学校说明。"}
        assert admin.post(f"/requests/deletions/{first}", data=data).status_code == 303
    assert "请先向学校说明。" in student.get("/me/data").text
    assert db.session.query(Audit).filter_by(action="deletion.refused").count() == 1
    student.post("/me/deletion")
    second = db.session.query(StudentRequest).filter_by(state="open").one().id
    for _ in range(2):
        granted = admin.post(f"/requests/deletions/{second}", data={"outcome": "granted", "answer": ANSWER})
        assert granted.status_code == 303
    with pytest.raises(ActionNotAllowed):
        deletions.decide(cast.lead, second, False, "不行。")
    assert not consents.complete(account_id)
    assert deletions.carry_out_due() == 0  # the answer is sent first: its address goes too
    assert db.session.get_one(Order, order_id).state == OrderState.PENDING_REVIEW
    _all_notices_tried()
    assert deletions.carry_out_due() == 1
    assert deletions.carry_out_due() == 0
    db.session.expire_all()
    erased = db.session.get_one(Order, order_id)
    assert (erased.state, erased.form.name if erased.form else "", erased.photos[0].original_key) == (
        "refunded", "", GONE,
    )  # fmt: skip
    with pytest.raises(FileNotFoundError):
        storage().get(f"photos/{number}/1-original")
    assert db.session.query(BatchItem).one().frozen == ""
    assert db.session.query(Payment).one().amount_fen == 1500
    assert ANSWER in student.get("/me/data").text
    kept = db.session.get_one(StudentRequest, first)
    assert (kept.state, kept.answer) == ("refused", "请先向学校说明。")
    assert retention.purge() == []
    assert db.session.get_one(Account, account_id).erased_at is None  # the answer can be read for a week
    with later(days=8):
        assert deletions.carry_out_due() == 1
        assert db.session.get_one(Account, account_id).erased_at is not None
    assert db.session.query(Identity).count() == 0
    assert "sign-in" in student.get("/me/data").location


def _all_notices_tried() -> None:
    """No channel works here: every try fails."""
    for row in db.session.query(Outbox).filter(Outbox.kind.startswith("deletion")):
        row.attempts = notices.ATTEMPTS
    db.session.commit()


def test_what_goes_and_what_stays(app: Flask, cast: Cast) -> None:
    account = cast.student
    campaigns = [make_campaign(cast.school) for _ in range(8)]
    states = (
        OrderState.DRAFT, OrderState.PENDING_PAYMENT, OrderState.REJECTED, OrderState.PENDING_PRODUCTION,
        OrderState.IN_PRODUCTION, OrderState.COMPLETED, OrderState.CANCELLED,
    )  # fmt: skip
    orders = {s: make_order(c, s, account=account) for s, c in zip(states, campaigns, strict=False)}
    assert _fates(account.id) == [
        (True, deletions.UNPAID), (True, deletions.UNPAID), (True, deletions.UNFINISHED), (True, deletions.UNFINISHED),
        (False, deletions.FROZEN), (False, deletions.DELIVERED), (True, deletions.ENDED),
    ]  # fmt: skip
    _paid(orders[OrderState.REJECTED])
    _batched(orders[OrderState.CANCELLED])
    assert _fates(account.id)[2] == (True, deletions.REFUND)
    assert _fates(account.id)[6] == (False, deletions.FROZEN)
    request_id = _ask(account)
    deletions.decide(cast.lead, request_id, True, ANSWER)
    _all_notices_tried()
    assert deletions.carry_out_due() == 1
    assert [why for _goes, why in _fates(account.id)] == [
        *[deletions.GONE] * 4, deletions.FROZEN, deletions.DELIVERED, deletions.FROZEN,
    ]  # fmt: skip
    names = [form.name for form in (db.session.get_one(Order, orders[s].id).form for s in states) if form]
    assert names == ["", "", "", "", "王小明", "王小明", "王小明"]
    with later(days=8):
        assert deletions.carry_out_due() == 0
        assert db.session.get_one(Account, account.id).erased_at is None  # it still owns what stays
    student = sign_in(app.test_client(), account)
    assert student.get(f"/orders/{orders[OrderState.REJECTED].number}/photos/1/preview").status_code == 404
    archive = zipfile.ZipFile(io.BytesIO(student.get("/me/data.zip").data))
    assert json.loads(archive.read("data.json"))["requests"][0]["answer"] == ANSWER


def test_a_photo_that_a_worker_holds_is_waited_for(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    photo = db.session.get_one(Photo, order.photo_id)
    photo.check_state = "running"
    studio = IntakePhoto(campaign_id=order.campaign_id, sha256="0" * 64, file_name="王小明.jpg", student_no="2023",
                         cause="", state="assigned", order_id=order.id)  # fmt: skip
    db.session.add(studio)
    db.session.commit()
    audit.record(cast.admin, "identity.shown", f"order-{order.id}", "王小明来电")
    deletions.decide(cast.admin, _ask(cast.student), True, ANSWER)
    consents.give(cast.student.id, set(consents.TEXTS))
    begun_anew = submissions.start(cast.student.id, make_campaign(cast.school).id).id
    _all_notices_tried()
    assert deletions.carry_out_due() == 0
    db.session.get_one(Photo, order.photo_id).check_state = "done"
    db.session.commit()
    assert deletions.carry_out_due() == 1
    db.session.expire_all()
    assert (studio.file_name, studio.student_no) == ("", "")
    assert {row.cause for row in db.session.query(Audit)} == {""}
    assert db.session.get_one(Order, begun_anew).state == "draft"  # begun and agreed to after the answer


def test_somebody_without_an_order_can_go_too(app: Flask) -> None:
    account, admin = make_account(), make_staff(Role.ADMIN)
    deletions.decide(admin, _ask(account), True, ANSWER)
    assert deletions.carry_out_due() == 1
    with later(days=8):
        assert deletions.carry_out_due() == 1
    assert db.session.get_one(Account, account.id).erased_at is not None


def test_schools_bound_who_answers(app: Flask, cast: Cast) -> None:
    elsewhere = make_campaign(make_school("10002"))
    mine, theirs = make_staff(Role.LEAD, cast.school), make_staff(Role.LEAD, elsewhere.school)
    make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    request_id = _ask(cast.student)
    assert [row.id for row in student_requests.waiting(mine)] == [request_id]
    assert student_requests.waiting(theirs) == []
    with pytest.raises(NotFound):
        deletions.decide(theirs, request_id, True, ANSWER)
    make_order(elsewhere, OrderState.DRAFT, account=cast.student)  # now of two schools: neither alone may
    assert student_requests.waiting(mine) == []
    assert [row.id for row in student_requests.waiting(cast.lead)] == [request_id]


def test_the_promise_is_seen_when_it_is_broken(app: Flask, cast: Cast) -> None:
    make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    row = db.session.get_one(StudentRequest, _ask(cast.student))
    assert student_requests.overdue() == 0
    row.asked_at = now() - timedelta(days=16)
    db.session.commit()
    assert student_requests.overdue() == 1
    assert "已逾期" in sign_in(app.test_client(), cast.lead).get("/requests/").text
    assert "超过答复期限" in sign_in(app.test_client(), cast.admin).get("/ops/").text


def test_an_answer_has_words(app: Flask, cast: Cast) -> None:
    with pytest.raises(Invalid):
        deletions.decide(cast.admin, _ask(cast.student), True, "  ")
    assert db.session.query(StudentRequest).one().state == "open"


def test_what_comes_back_out_of_a_discarded_batch_goes_too(any_app: Flask, any_cast: Cast) -> None:
    """The request was carried out but for the frozen order; once its batch is discarded, it is refunded and erased."""
    cast = any_cast
    order = _paid(make_order(cast.campaign, OrderState.PENDING_PRODUCTION, account=cast.student))
    order_id, producer = order.id, Actor(Role.PRODUCER, cast.producer.id)
    batch = batches.freeze(cast.campaign.id, "chsi", producer)
    assert batch is not None
    deletions.decide(cast.lead, _ask(cast.student), True, ANSWER)
    _all_notices_tried()
    assert deletions.carry_out_due() == 1
    assert _fates(cast.student.id) == [(False, deletions.FROZEN)]
    batches.discard(batch.id, producer, "名单有误")
    assert deletions.carry_out_due() == 1
    assert deletions.carry_out_due() == 0
    db.session.expire_all()
    gone = db.session.get_one(Order, order_id)
    assert (gone.state, gone.form.name if gone.form else "") == ("refunded", "")
    assert db.session.query(Refund).count() == 1
