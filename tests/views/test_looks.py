"""Who was shown what: no picture leaves the server without a row that says to whom."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.adapters.clock import now
from app.extensions import db
from app.models import Audit, Order, PhotoView, Staff, StaffSchool
from app.rules.faults import NotFound
from app.rules.states import OrderState, Role
from app.services.access import looks
from tests.factories import Cast, make_order, make_school, make_staff, sign_in


@pytest.fixture
def order(app: Flask, cast: Cast) -> Order:
    """An order that waits."""
    return make_order(cast.campaign, OrderState.PENDING_REVIEW)


@pytest.fixture
def reviewer(app: Flask, cast: Cast) -> FlaskClient:
    """A reviewer's browser."""
    return sign_in(app.test_client(), cast.reviewer)


def _purposes() -> list[str]:
    return [view.purpose for view in db.session.query(PhotoView).order_by(PhotoView.id)]


def test_a_picture_that_is_sent_is_written_down_whatever_the_page_says(order: Order, reviewer: FlaskClient) -> None:
    photo_id, page = order.photo_id or 0, reviewer.get("/review/").text
    assert _purposes() == []
    (picture,) = re.findall(r'src="(/review/picture/[^"]+)"', page)
    for _ in range(2):
        assert reviewer.get(picture).status_code == 200
    assert _purposes() == ["opened"]
    reviewer.post(f"/review/photos/{photo_id}/shown", data={"purpose": "review"})
    assert _purposes() == ["review"]  # one look, of which more is known now
    reviewer.get(picture)
    assert _purposes() == ["review"]
    db.session.query(PhotoView).update({"at": now() - timedelta(hours=2)})
    db.session.commit()
    reviewer.get(picture)
    assert _purposes() == ["review", "opened"]


def test_a_picture_sent_to_a_gallery_is_not_yet_one_that_was_on_its_screen(order: Order, reviewer: FlaskClient) -> None:
    page = reviewer.get("/review/gallery").text
    (picture,) = re.findall(r'src="(/review/picture/[^"]+)"', page)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None and reviewer.get(picture).status_code == 200
    assert "没有完整显示过：1 张" in reviewer.post("/review/gallery", data={"token": token[1]}).text
    assert db.session.get_one(Order, order.id).state == OrderState.PENDING_REVIEW


def test_no_picture_of_another_school(order: Order, cast: Cast, reviewer: FlaskClient) -> None:
    page = reviewer.get("/review/").text
    (picture,) = re.findall(r'src="(/review/picture/[^"]+)"', page)
    moved = db.session.get_one(Staff, cast.reviewer.id)
    moved.school_rows = [StaffSchool(school_id=make_school("10002").id)]
    db.session.commit()
    assert reviewer.get(picture).status_code == 403
    assert _purposes() == []


def test_the_picture_of_an_unread_code_is_shown_and_logged(app: Flask, order: Order, reviewer: FlaskClient) -> None:
    address = f"/review/orders/{order.number}/code"
    assert address not in reviewer.get(f"/review/orders/{order.number}/desk").text
    order.code_unreadable, order.codes[0].payload = True, None
    db.session.commit()
    assert f'data-src="{address}"' in reviewer.get(f"/review/orders/{order.number}/desk").text
    assert db.session.query(Audit).filter_by(action="code.shown").count() == 0
    answer = reviewer.get(address)
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    row = db.session.query(Audit).filter_by(action="code.shown").one()
    assert row.subject == f"order-{order.id}"
    stranger = sign_in(app.test_client(), make_staff(Role.REVIEWER, make_school("10002")))
    assert stranger.get(address).status_code == 404
    order.codes[0].released_at = now()
    db.session.commit()
    assert reviewer.get(address).status_code == 404


def test_a_photo_that_is_not_there_is_nobodys_to_see(cast: Cast) -> None:
    with pytest.raises(NotFound):
        looks.send_photo_to(cast.reviewer, 999_999)
