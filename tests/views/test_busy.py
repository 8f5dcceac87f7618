"""A database that others write to for too long: the person is asked to press again, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Order, StaffSession
from app.rules.states import OrderState
from app.services.review.reasons import seed_reasons
from tests.busy import somebody_writes
from tests.factories import Cast, make_order, sign_in

SCRIPT = {"HX-Request": "true"}


@pytest.mark.parametrize(("language", "sentence"), [("zh", "系统正忙，请再按一次"), ("en", "press again")])
def test_a_decision_meanwhile_is_to_be_pressed_again(app: Flask, cast: Cast, language: str, sentence: str) -> None:
    seed_reasons()
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    reviewer: FlaskClient = sign_in(app.test_client(), cast.reviewer)
    reviewer.post("/locale", data={"locale": language, "next": "/"})
    url = f"/review/orders/{order.id}/decide"
    fields = {"version": order.version, "photo": order.photo_id, "outcome": "rejected", "reason": "clothes", "tab": "t"}
    with somebody_writes():
        refused = reviewer.post(url, data=fields, headers=SCRIPT)
        page = reviewer.post(url, data=fields)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert sentence in refused.text and "<html" not in refused.text
    assert page.status_code == 503 and sentence in page.text and "<html" in page.text
    assert db.session.query(Decision).count() == 0
    assert reviewer.post(url, data=fields, headers=SCRIPT).status_code == 200
    assert db.session.get_one(Order, order.id).state == "rejected"


def test_pages_that_only_read_are_shown_meanwhile(app: Flask, cast: Cast) -> None:
    reviewer: FlaskClient = sign_in(app.test_client(), cast.reviewer)
    session = db.session.query(StaffSession).one()
    session.seen_at = old = now() - timedelta(minutes=10)  # to be noted, if there is time for it
    db.session.commit()
    with somebody_writes():
        assert reviewer.get("/review/").status_code == 200
    assert db.session.query(StaffSession).one().seen_at == old
    assert reviewer.get("/review/").status_code == 200
    db.session.expire_all()
    assert db.session.query(StaffSession).one().seen_at > old
