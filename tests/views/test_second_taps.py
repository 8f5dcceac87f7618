"""A second tap, a second tab, the browser's back button: the student ends where the order stands, nothing twice."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from app.extensions import db
from app.models import Decision, Event, Order, Payment, School
from app.rules.states import OrderState
from app.services.students import consents
from app.services.unit import only_twin, unit_of_work
from tests.conftest import Shop
from tests.factories import Cast, make_account, make_campaign, make_order, make_school, sign_in
from tests.services.test_unit import in_threads


def _twice(client: FlaskClient, order: Order, action: str) -> None:
    """The same post, from a page that was loaded once."""
    data, here = {"version": order.version}, f"/orders/{order.number}"
    for _ in range(2):
        answer = client.post(f"{here}/{action}", data=data)
        assert (answer.status_code, answer.location) == (303, here), answer.text


@pytest.mark.parametrize(
    ("action", "state", "then"),
    [
        ("submit", OrderState.DRAFT, "pending_payment"),
        ("submit", OrderState.REVISING, "pending_review"),
        ("withdraw", OrderState.PENDING_REVIEW, "revising"),
        ("discard", OrderState.DRAFT, "cancelled"),
        ("appeal", OrderState.REJECTED, "pending_review"),
        ("cancel", OrderState.PENDING_PAYMENT, "cancelled"),
    ],
)
def test_the_same_post_again_shows_the_order(app: Flask, cast: Cast, action: str, state: OrderState, then: str) -> None:
    order = make_order(cast.campaign, state, account=cast.student)
    client = sign_in(app.test_client(), cast.student)
    _twice(client, order, action)
    db.session.expire_all()
    assert order.state == then
    assert db.session.query(Event).filter_by(order_id=order.id).count() == 1
    assert "刚刚已被更新" not in client.get(f"/orders/{order.number}").text


def test_another_way_from_an_old_page_says_what_happened(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    client, seen = sign_in(app.test_client(), cast.student), {"version": order.version}
    client.post(f"/orders/{order.number}/withdraw", data=seen)
    answer = client.post(f"/orders/{order.number}/appeal", data=seen, follow_redirects=True)
    assert answer.status_code == 409  # there is nothing to appeal against
    answer = client.post(f"/orders/{order.number}/submit", data=seen, follow_redirects=True)
    assert (answer.status_code, "刚刚已被更新" in answer.text) == (200, True)


def test_a_decision_that_is_not_visible_yet_is_not_told_by_a_refusal(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.REJECTED, account=cast.student)
    decision = db.session.query(Decision).one()
    decision.visible_from = decision.visible_from.replace(year=2999)
    db.session.commit()
    client = sign_in(app.test_client(), cast.student)
    answer = client.post(f"/orders/{order.number}/withdraw", data={"version": order.version - 1}, follow_redirects=True)
    assert (answer.status_code, "被驳回" in answer.text) == (200, False)


def test_without_consent_a_second_submit_still_asks_for_it(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.REVISING, account=cast.student)
    client = sign_in(app.test_client(), cast.student)
    for consent in cast.student.consents:
        consent.withdrawn_at = order.state_since
    db.session.commit()
    assert not consents.complete(cast.student.id)
    answer = client.post(f"/orders/{order.number}/submit", data={"version": order.version})
    assert (answer.status_code, "阅读并同意" in answer.text) == (409, True)


def test_paying_what_is_paid_shows_the_order(shop: Shop) -> None:
    account = make_account()
    order = make_order(make_campaign(make_school()), OrderState.PENDING_PAYMENT, account=account)
    client, here = sign_in(shop.app.test_client(), account), f"/orders/{order.number}"
    assert client.post(f"{here}/pay").location == f"{here}/pay/wait"
    shop.scan_and_pay(db.session.query(Payment).one().out_trade_no)
    for _ in range(2):  # WeChat has the money and we learn of it now; then we know
        assert client.post(f"{here}/pay").location == here
    db.session.expire_all()
    assert (order.state, db.session.query(Payment).count()) == ("pending_review", 1)


@pytest.mark.parametrize(
    ("address", "data"),
    [
        ("/admin/staff", {"name": "twin", "roles": "finance"}),
        ("/schools/new", {"code": "10009", "name": "三大", "campuses": "主校区", "colleges": "文学院", "active": "1"}),
    ],
)  # fmt: skip
def test_a_console_form_posted_twice_at_once_is_kept_once(
    any_app: Flask, any_cast: Cast, address: str, data: dict[str, str]
) -> None:
    """On SQLite writers queue and the second is refused; on PostgreSQL both may ask before either has written."""
    clients = [sign_in(any_app.test_client(), any_cast.admin) for _ in range(4)]
    answers = in_threads(any_app, 4, lambda number: clients[number].post(address, data=data).status_code)
    assert sorted(answers)[0] in (200, 303)
    assert all(status in (409, 422) for status in sorted(answers)[1:]), answers


def test_a_twin_is_told_from_another_broken_rule(any_app: Flask) -> None:
    def broken(**values: object) -> IntegrityError:
        with pytest.raises(IntegrityError) as caught, unit_of_work():
            db.session.execute(insert(School).values(**values))
        return caught.value

    make_school("10001")
    assert only_twin(broken(code="10001", name="x", name_en="", campuses=[], colleges={}, active=True))
    assert not only_twin(broken(code="10002", name=None))
