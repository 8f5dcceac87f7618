"""The desk over HTTP: what it asks the database, whom it refuses, and that it works without its script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from app.adapters.storage import storage
from app.extensions import db
from app.models import Decision, Exemption, Order, PhotoCheck, Reason, RosterEntry
from app.rules.states import OrderState, Role
from app.services.access import looks
from app.services.review import decisions
from app.services.review.decisions import Judgement, Seen
from app.services.review.queue_filters import SORTS
from app.services.review.reasons import seed_reasons
from tests.factories import Cast, make_decision, make_form, make_order, make_photo, make_school, make_staff, sign_in

SCRIPT = {"HX-Request": "true"}
MOST_QUERIES = 20


@pytest.fixture
def reviewer(app: Flask, cast: Cast) -> FlaskClient:
    """A reviewer's browser."""
    seed_reasons()
    return sign_in(app.test_client(), cast.reviewer)


def _waiting(cast: Cast, count: int = 1) -> list[Order]:
    return [make_order(cast.campaign, OrderState.PENDING_REVIEW) for _ in range(count)]


def _fields(order: Order, outcome: str, **more: Any) -> dict[str, Any]:
    return {"version": order.version, "photo": order.photo_id, "outcome": outcome, "tab": "t"} | more


@contextmanager
def _counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "PRAGMA")):
            sent.append(statement)

    db.session.rollback()
    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


def _resubmitted(cast: Cast) -> Order:
    """An order with two versions, a rejection with reasons, checks, and an entry in the roster."""
    (order,) = _waiting(cast)
    assert order.photo is not None and order.form is not None
    old_photo = order.photo
    rejected = make_decision(order, "rejected", cast.other_reviewer)
    from app.services.review import rejections

    db.session.add(PhotoCheck(photo_id=old_photo.id, code="roll", verdict="fail", value=9, unit="°", low=-8, high=8))
    db.session.commit()
    rejected.reasons = rejections.rows(rejections.Told(("pose", "name", "clothes")), old_photo)
    order.decision_id, order.photo_id, order.form_id = rejected.id, make_photo(order).id, make_form(order).id
    db.session.add(PhotoCheck(photo_id=order.photo_id, code="roll", verdict="pass", value=1, unit="°", low=-8, high=8))
    name = order.form.name
    db.session.add(RosterEntry(campaign_id=order.campaign_id, student_no=order.form.student_no, name=name + "甲"))
    db.session.commit()
    return order


@pytest.mark.parametrize("address", ["/review/", "/review/desk", "/review/ahead", "/review/gallery", "order", "panel"])
def test_no_page_of_the_console_asks_the_database_often(cast: Cast, reviewer: FlaskClient, address: str) -> None:
    order = _resubmitted(cast)
    for other in _waiting(cast, 30):
        make_decision(other, "approved", cast.reviewer)
    address = {"order": f"/review/orders/{order.number}/desk", "panel": f"/review/orders/{order.number}/panel"}.get(
        address, address
    )
    headers = SCRIPT if address.endswith(("ahead", "panel")) else {}
    with _counted() as sent:  # in a context of its own, as on the server: nothing has been read before
        assert Context().run(reviewer.get, address, headers=headers).status_code == 200
    assert len(sent) <= MOST_QUERIES, "\n".join(sent)


def test_reasons_of_a_rejection_are_no_filter_and_a_filter_is_no_reason(cast: Cast, reviewer: FlaskClient) -> None:
    first, second = _resubmitted(cast), _resubmitted(cast)  # last rejected for clothes, among others
    page = reviewer.get(f"/review/orders/{first.number}/desk?reason=clothes").text
    action = re.search(r'<form data-decide method="post" action="([^"]+)"', page)
    assert action is not None
    fields, number = _fields(first, "rejected", reason=["light"]), second.number
    answer = reviewer.post(action[1], data=fields, headers=SCRIPT)
    assert f'data-order="{number}"' in answer.text
    decision = db.session.query(Decision).order_by(Decision.id.desc()).first()
    assert decision is not None and [row.code for row in decision.reasons] == ["light"]


@pytest.mark.parametrize("outcome", ["approved", "rejected"])
def test_nor_do_a_decision_and_the_next_panel(cast: Cast, reviewer: FlaskClient, outcome: str) -> None:
    appealed, following = _resubmitted(cast), _resubmitted(cast)
    decision = db.session.get_one(Decision, appealed.decision_id)
    decision.appealed_at = decision.at
    db.session.commit()
    fields = _fields(appealed, outcome, reason=["light", "pose"])
    url, number = f"/review/orders/{appealed.id}/decide", following.number
    with _counted() as sent:
        answer = Context().run(reviewer.post, url, data=fields, headers=SCRIPT)
    assert answer.status_code == 200 and f'data-order="{number}"' in answer.text
    assert len(sent) <= MOST_QUERIES, "\n".join(sent)


def test_a_recalled_order_says_so_and_why(cast: Cast, reviewer: FlaskClient) -> None:
    (order,) = _waiting(cast)
    assert order.photo_id is not None
    decisions.decide(cast.other_reviewer, Seen(order.id, order.version, order.photo_id), Judgement("approved"))
    decisions.recall(cast.lead, order.id, "背景是红色")
    page = reviewer.get(f"/review/orders/{order.number}/desk").text
    found = re.search(r'<p class="caution recalled".*?</p>', page, re.S)
    assert found is not None and "召回复审" in found[0] and "背景是红色" in found[0]
    other = _resubmitted(cast)
    assert "caution recalled" not in reviewer.get(f"/review/orders/{other.number}/desk").text


def test_a_resubmission_shows_what_was_fixed(cast: Cast, reviewer: FlaskClient) -> None:
    order = _resubmitted(cast)
    page = reviewer.get(f"/review/orders/{order.number}/desk").text
    assert "上次：第 1 版" in page
    remedies = re.search(r'<ul class="remedies">(.*?)</ul>', page, re.S)
    assert remedies is not None
    lines = re.findall(r'<li\s+class="(\w+)".*?</li>', remedies[1], re.S)
    assert lines == ["pass", "fail", "open"]  # the pose is fixed, the name is not, clothes nobody measures
    assert "9 °\n" in remedies[1] or "9 °" in remedies[1]
    assert "differs" in page and "甲" in page


def test_where_the_wall_is_wrong_lies_over_the_photo(cast: Cast, reviewer: FlaskClient) -> None:
    (order,) = _waiting(cast)
    assert order.photo is not None
    address = f"/review/orders/{order.number}/desk"
    assert "<mask" not in reviewer.get(address).text
    storage().put(order.photo.original_key.removesuffix("-original") + "-wall.png", b"a map")
    found = PhotoCheck(photo_id=order.photo.id, code="background_uniform", verdict="warn", region=[10, 20, 30, 40])
    db.session.add(found)
    db.session.commit()
    page = reviewer.get(address).text
    masks = re.findall(r'<mask id="([^"]+)".*?<image\s+href="([^"]+)"', page, re.S)
    assert masks and all(f'mask="url(#{name})"' in page for name, _ in masks)
    picture = reviewer.get(masks[0][1])
    assert (picture.data, picture.content_type) == (b"a map", "image/png")


def test_a_decision_without_the_script_goes_on_to_the_next(cast: Cast, reviewer: FlaskClient) -> None:
    (order,) = _waiting(cast)
    answer = reviewer.post(f"/review/orders/{order.id}/decide", data=_fields(order, "approved"))
    assert (answer.status_code, answer.location) == (303, "/review/desk")
    assert db.session.get_one(Order, order.id).state == "pending_production"


def test_a_conflict_is_409_with_a_fresh_panel_and_one_sentence(cast: Cast, reviewer: FlaskClient) -> None:
    (order,) = _waiting(cast)
    fields = _fields(order, "approved", version=order.version - 1)
    answer = reviewer.post(f"/review/orders/{order.id}/decide", data=fields, headers=SCRIPT)
    assert answer.status_code == 409
    assert "刚刚已被更新" in answer.text and f'data-order="{order.number}"' in answer.text
    assert db.session.query(Decision).count() == 0


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "请至少选择一条驳回原因"),
        ({"reason": ["nonsense"]}, "请至少选择一条驳回原因"),
        ({"reason": ["clothes"], "region-clothes": "0,0,9999,9999"}, "标出的位置不在照片内"),
        ({"reason": ["clothes"], "region-clothes": "a,b"}, "标出的位置不在照片内"),
    ],
)
def test_a_rejection_that_cannot_be_sent_says_why(
    cast: Cast, reviewer: FlaskClient, more: dict[str, Any], sentence: str
) -> None:
    (order,) = _waiting(cast)
    fields = _fields(order, "rejected", **more)
    answer = reviewer.post(f"/review/orders/{order.id}/decide", data=fields, headers=SCRIPT)
    assert answer.status_code == 422 and sentence in answer.text


def test_a_place_left_open_is_told_in_the_reviewers_language(cast: Cast, reviewer: FlaskClient) -> None:
    (order,) = _waiting(cast)
    reason = db.session.query(Reason).filter_by(code="pose").one()
    reason.label_en, reason.text_en = "Head not straight", "Your head is turned by {value} degrees."
    name = reason.label
    db.session.commit()
    url, fields = f"/review/orders/{order.id}/decide", _fields(order, "rejected", reason=["pose"])
    assert f"原因“{name}”还有未填写的内容" in reviewer.post(url, data=fields, headers=SCRIPT).text
    reviewer.post("/locale", data={"locale": "en", "next": "/"})
    english = unescape(reviewer.post(url, data=fields, headers=SCRIPT).text)
    assert "Head not straight" in english.split("data-sentence", 1)[1].split("</", 1)[0]


def test_a_rejection_carries_the_place_that_was_drawn(cast: Cast, reviewer: FlaskClient) -> None:
    (order,) = _waiting(cast)
    fields = _fields(order, "rejected", reason=["clothes", "pose"], note="领口", **{"region-clothes": "10,20,30,40"})
    assert reviewer.post(f"/review/orders/{order.id}/decide", data=fields, headers=SCRIPT).status_code == 200
    decision = db.session.query(Decision).one()
    assert [(row.code, row.region) for row in decision.reasons] == [("clothes", [10, 20, 30, 40]), ("pose", None)]
    assert decision.note == "领口"


def test_an_order_of_another_school_is_not_there(app: Flask, cast: Cast) -> None:
    seed_reasons()
    (order,) = _waiting(cast)
    bound = sign_in(app.test_client(), make_staff(Role.REVIEWER, make_school("10002")))
    for address in (f"/review/orders/{order.number}/desk", f"/review/orders/{order.number}/panel"):
        assert bound.get(address).status_code == 404
    answer = bound.post(f"/review/orders/{order.id}/decide", data=_fields(order, "approved"), headers=SCRIPT)
    assert answer.status_code == 404 and order.number not in answer.text


def test_a_gallery_is_good_for_one_person_and_once_rendered(app: Flask, cast: Cast, reviewer: FlaskClient) -> None:
    orders = _waiting(cast, 3)
    page = reviewer.get("/review/gallery").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    for order in orders:
        looks.saw_photo(cast.reviewer, order.photo_id or 0, "gallery")
    thief = sign_in(app.test_client(), cast.other_reviewer)
    assert thief.post("/review/gallery", data={"token": token[1]}).status_code == 404
    assert reviewer.post("/review/gallery", data={"token": token[1] + "x"}).status_code == 409
    assert db.session.query(Decision).count() == 0
    assert "已通过 2 张" in reviewer.post("/review/gallery", data={"token": token[1]}).text
    assert "已通过 0 张" in reviewer.post("/review/gallery", data={"token": token[1]}).text


def test_a_large_gallery_asks_for_the_number(cast: Cast, reviewer: FlaskClient) -> None:
    orders = _waiting(cast, 18)
    token = re.search(r'name="token" value="([^"]+)"', reviewer.get("/review/gallery").text)
    assert token is not None
    fields = {"token": token[1], "out": [orders[0].id]}
    assert reviewer.post("/review/gallery", data=fields).status_code == 422
    assert reviewer.post("/review/gallery", data=fields | {"typed": "18"}).status_code == 422
    assert reviewer.post("/review/gallery", data=fields | {"typed": "17"}).status_code == 200


def test_an_exemption_is_a_leads_and_folds_the_verdict_again(app: Flask, cast: Cast, reviewer: FlaskClient) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, verdict="failed")
    db.session.add(PhotoCheck(photo_id=order.photo_id, code="headwear", verdict="fail", value=1.0))
    db.session.commit()
    address, fields = f"/review/orders/{order.number}/exempt", {"code": "headwear", "cause": "宗教"}
    assert reviewer.post(address, data=fields).status_code == 403
    lead = sign_in(app.test_client(), cast.lead)
    for wrong, told in (({"cause": " "}, "请填写豁免原因"), ({"code": "face_count"}, "这一项不能豁免")):
        assert told in lead.post(address, data=fields | wrong, follow_redirects=True).text
        assert db.session.query(Exemption).count() == 0
    for more, verdict in (({}, "passed"), ({"withdraw": "1"}, "failed")):
        before = db.session.get_one(Order, order.id).version
        assert lead.post(address, data=fields | more).status_code == 303
        kept = db.session.get_one(Order, order.id)
        assert kept.photo is not None and kept.photo.verdict == verdict and kept.version == before + 1


def test_after_an_exemption_the_desk_is_still_ones_own(app: Flask, cast: Cast, reviewer: FlaskClient) -> None:
    (order,) = _waiting(cast)
    lead = sign_in(app.test_client(), cast.lead)
    page = lead.get(f"/review/orders/{order.number}/desk").text
    tab = re.search(r'data-tab="([^"]+)"', page)
    assert tab is not None and f'name="tab" value="{tab[1]}"' in page
    fields = {"code": "headwear", "cause": "宗教", "tab": tab[1]}
    after = lead.post(f"/review/orders/{order.number}/exempt", data=fields, follow_redirects=True).text
    assert 'data-mine="1"' in after and "另一个窗口" not in after
    assert 'data-mine="0"' in lead.get(f"/review/orders/{order.number}/desk").text  # as a second window is told


@pytest.mark.parametrize(("what", "told"), [("recall", "请填写召回原因"), ("contact", "请填写")])
def test_a_blank_cause_is_told_on_the_orders_page(app: Flask, cast: Cast, what: str, told: str) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    lead = sign_in(app.test_client(), cast.lead)
    page = lead.post(f"/review/orders/{order.number}/{what}", data={"cause": " "}, follow_redirects=True)
    assert page.status_code == 200 and told in page.text and order.number in page.text
    assert db.session.get_one(Order, order.id).state == "pending_production"


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_of_the_queue_is_a_page(cast: Cast, reviewer: FlaskClient, sort: str) -> None:
    _waiting(cast, 3)
    page = reviewer.get("/review/", query_string={"sort": sort, "campaign": cast.campaign.id})
    assert page.text.count('class="thumb"') == 3
