"""A collection code that another order holds: asked for, moved by staff to whom it belongs, or refused in writing."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import db
from app.models import Audit, CodeImage, Order, Outbox, StudentRequest
from app.rules.faults import ActionNotAllowed, Invalid, StaleOrder
from app.rules.states import OrderState, Role
from app.services import submissions
from app.services.photos import codes
from app.services.review import decisions
from app.services.review.decisions import Judgement, Seen
from app.services.students import code_moves, student_requests
from tests.factories import JPEG, Cast, make_campaign, make_order, make_school, make_staff, sign_in

PAYLOAD = b"CHSI-OF-THE-ONE-WHO-ASKS"


def _uploads(client: FlaskClient, order: Order, payload: bytes = PAYLOAD) -> None:
    """Through the page, and read as the worker does."""
    number = order.number
    assert client.post(f"/orders/{number}/code", data={"code": (io.BytesIO(JPEG), "c.jpg")}).status_code == 303
    code_id = db.session.query(CodeImage).order_by(CodeImage.id.desc()).first().id  # type: ignore[union-attr]
    assert codes.claim(code_id) is not None
    codes.keep(code_id, payload, None)
    db.session.expire_all()


@pytest.fixture
def both(app: Flask, cast: Cast) -> tuple[Order, Order]:
    """Two drafts; the other student's holds the code, and the first one asked for it."""
    asks = make_order(cast.campaign, OrderState.DRAFT, account=cast.student, complete=False)
    holds = make_order(cast.campaign, OrderState.DRAFT, account=cast.other_student)
    _uploads(sign_in(app.test_client(), cast.other_student), holds)
    client = sign_in(app.test_client(), cast.student)
    _uploads(client, asks)
    for _ in range(2):
        assert client.post(f"/orders/{asks.number}/code/person").status_code == 303
    return asks, holds


def _request() -> int:
    return db.session.query(StudentRequest).one().id


def _versions(asks: Order, holds: Order) -> tuple[int, int]:
    db.session.expire_all()
    return asks.version, holds.version


def _in_state(order: Order, state: OrderState) -> None:
    order.state = state.value
    db.session.commit()


def test_the_story_of_a_code_that_belongs_to_somebody_else(app: Flask, cast: Cast, both: tuple[Order, Order]) -> None:
    asks, holds = both
    _in_state(holds, OrderState.PENDING_REVIEW)
    request_id, lead = _request(), sign_in(app.test_client(), cast.lead)
    student, other = sign_in(app.test_client(), cast.student), sign_in(app.test_client(), cast.other_student)
    assert "申请人工处理，结果会显示在这里" in student.get(f"/orders/{asks.number}/code").text
    assert asks.number in lead.get("/requests/").text
    page = lead.get(f"/requests/codes/{request_id}").text
    assert asks.number in page and holds.number in page
    assert holds.form is not None and holds.form.id_no not in page and "*" in page
    for side in ("asked", "held"):
        picture = lead.get(f"/requests/codes/{request_id}/{side}")
        assert (picture.data, picture.mimetype) == (JPEG, "image/jpeg")
        assert picture.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    seen = {"order": asks.version, "other": holds.version}
    stale = {"outcome": "granted", "answer": "已向学校核实。", "order": seen["order"], "other": seen["other"] - 1}
    assert lead.post(f"/requests/codes/{request_id}", data=stale).status_code == 409
    for _ in range(2):
        data = {"outcome": "granted", "answer": "已向学校核实。"} | seen
        assert lead.post(f"/requests/codes/{request_id}", data=data).status_code == 303
    db.session.expire_all()
    assert asks.code is not None and (asks.code.payload, asks.code.fault) == (PAYLOAD, None)
    assert holds.code is None and holds.code_taken
    assert {row.kind for row in db.session.query(Outbox)} == {"code_granted", "code_taken"}
    assert {row.action for row in db.session.query(Audit)} >= {"code.granted", "code.taken"}
    assert "已向学校核实。" in student.get(f"/orders/{asks.number}/code").text
    assert "请先撤回审核" in other.get(f"/orders/{holds.number}").text
    photo = holds.photo_id or 0
    with pytest.raises(Invalid):  # nobody approves what has no code any more
        decisions.decide(cast.reviewer, Seen(holds.id, holds.version, photo), Judgement("approved"))
    submissions.withdraw(cast.other_student.id, holds.number, holds.version)
    assert "请上传您本人的采集码" in other.get(f"/orders/{holds.number}/code").text
    _uploads(other, holds, b"their own")
    assert not holds.code_taken and not submissions.missing(holds)


def test_a_refusal_is_read_and_another_picture_may_be_asked_about(
    app: Flask, cast: Cast, both: tuple[Order, Order]
) -> None:
    asks, holds = both
    request_id = _request()
    for _ in range(2):
        code_moves.refuse(cast.admin, request_id, "图片与学籍不符。")
    client = sign_in(app.test_client(), cast.student)
    page = client.get(f"/orders/{asks.number}/code").text
    assert "图片与学籍不符。" in page
    assert f"/orders/{asks.number}/code/person" not in page
    assert holds.code is not None and holds.code.payload == PAYLOAD
    with pytest.raises(ActionNotAllowed):
        code_moves.move(cast.admin, request_id, "还是转吧。", _versions(asks, holds))
    _uploads(client, asks)
    assert f"/orders/{asks.number}/code/person" in client.get(f"/orders/{asks.number}/code").text


def test_a_new_picture_drops_the_question(app: Flask, cast: Cast, both: tuple[Order, Order]) -> None:
    asks, _ = both
    _uploads(sign_in(app.test_client(), cast.student), asks, b"another code")
    assert db.session.query(StudentRequest).one().state == "dropped"
    assert student_requests.waiting(cast.admin) == []


@pytest.mark.parametrize("state", list(OrderState))
def test_what_was_approved_keeps_its_code_until_it_is_recalled(
    app: Flask, cast: Cast, both: tuple[Order, Order], state: OrderState
) -> None:
    asks, holds = both
    if state in (OrderState.CANCELLED, OrderState.REFUNDED):
        return  # holds nothing: the next test
    _in_state(holds, state)
    request_id, approved = _request(), state not in code_moves.GIVES
    assert bool(code_moves.dispute(cast.lead, request_id).obstacle) is approved
    if approved:
        with pytest.raises(ActionNotAllowed):
            code_moves.move(cast.lead, request_id, "已核实。", _versions(asks, holds))
    else:
        code_moves.move(cast.lead, request_id, "已核实。", _versions(asks, holds))
    db.session.expire_all()
    assert holds.code_taken is not approved


def test_a_code_that_was_let_go_moves_without_another_order(app: Flask, cast: Cast, both: tuple[Order, Order]) -> None:
    asks, holds = both
    submissions.discard(cast.other_student.id, holds.number, holds.version)
    with pytest.raises(StaleOrder):
        code_moves.move(cast.lead, _request(), "已核实。", _versions(asks, holds))
    code_moves.move(cast.lead, _request(), "已核实。", (asks.version, 0))
    db.session.expire_all()
    assert asks.code is not None and asks.code.payload == PAYLOAD


def test_who_has_one_school_does_not_see_into_another(app: Flask, cast: Cast) -> None:
    elsewhere = make_order(make_campaign(make_school("10002")), OrderState.DRAFT, account=cast.other_student)
    asks = make_order(cast.campaign, OrderState.DRAFT, account=cast.student, complete=False)
    _uploads(sign_in(app.test_client(), cast.other_student), elsewhere)
    _uploads(sign_in(app.test_client(), cast.student), asks)
    submissions.ask_person_for_code(cast.student.id, asks.number)
    bound = sign_in(app.test_client(), make_staff(Role.LEAD, cast.school))
    page = bound.get(f"/requests/codes/{_request()}").text
    assert elsewhere.number not in page and "其他学校" in page
    assert bound.get(f"/requests/codes/{_request()}/held").status_code == 404
    refused = bound.post(f"/requests/codes/{_request()}", data={"outcome": "refused", "answer": "不行。"})
    assert refused.status_code == 403


def test_only_a_code_that_is_taken_is_asked_about(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    with pytest.raises(ActionNotAllowed):
        submissions.ask_person_for_code(cast.student.id, order.number)
