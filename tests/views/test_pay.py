"""The student's pay pages: what the front end says is a hint, the server asks."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.extensions import db
from app.models import Order, Payment
from app.rules.states import OrderState
from app.services.money import payments
from app.services.unit import unit_of_work
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school, sign_in
from tests.services.money import call_back, later, state


@pytest.fixture
def waiting(shop: Shop) -> tuple[FlaskClient, Order]:
    order = make_order(make_campaign(make_school()), OrderState.PENDING_PAYMENT)
    assert order.account is not None
    return sign_in(shop.app.test_client(), order.account), order


def go(client: FlaskClient, number: str) -> str:
    answer = client.post(f"/orders/{number}/pay")
    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200
    return db.session.query(Payment.out_trade_no).order_by(Payment.id.desc()).limit(1).scalar() or ""


def test_paying_and_coming_back(shop: Shop, waiting: tuple[FlaskClient, Order]) -> None:
    client, order = waiting
    number, trade = order.number, go(client, order.number)
    assert go(client, number) == trade  # reloading opens nothing new
    back = client.get(f"/orders/{number}/pay/back", follow_redirects=True)
    assert "不要重复支付" in back.text
    shop.scan_and_pay(trade)
    assert "支付成功" in client.get(f"/orders/{number}/pay/back").text
    assert str(db.session.query(Payment).one().transaction_id) in client.get(f"/orders/{number}/receipt").text


def test_the_page_asks_by_itself_and_survives_a_silent_wechat(shop: Shop, waiting: tuple[FlaskClient, Order]) -> None:
    client, order = waiting
    number, trade = order.number, go(client, order.number)
    shop.state.faults["system_error"] = 1
    answer = client.get(f"/orders/{number}/pay/status?tick=2")
    assert answer.status_code == 200 and "hx-trigger" in answer.text  # it keeps asking
    shop.scan_and_pay(trade)
    assert "HX-Redirect" in client.get(f"/orders/{number}/pay/status?tick=5").headers
    assert "hx-trigger" not in client.get(f"/orders/{number}/pay/status?tick=29").text


def test_money_that_went_back_is_no_success(shop: Shop, waiting: tuple[FlaskClient, Order]) -> None:
    client, order = waiting
    number, trade = order.number, go(client, order.number)
    shop.scan_and_pay(trade)
    with unit_of_work():
        db.session.get_one(Order, order.id).state = "cancelled"
    assert "支付成功" not in client.get(f"/orders/{number}/pay/back", follow_redirects=True).text


def test_an_outlived_page_leads_back_to_the_start(shop: Shop, waiting: tuple[FlaskClient, Order]) -> None:
    client, order = waiting
    number = order.number
    assert client.get(f"/orders/{number}/pay/wait").location == f"/orders/{number}/pay"
    go(client, number)
    with later(hours=3):
        assert client.get(f"/orders/{number}/pay/wait").location == f"/orders/{number}/pay"


def test_a_receipt_tells_of_its_own_refund_only(shop: Shop, waiting: tuple[FlaskClient, Order]) -> None:
    client, order = waiting
    order_id, number, first = order.id, order.number, go(client, order.number)
    shop.scan_and_pay(first)
    with unit_of_work():
        db.session.query(Payment).one().state = "closed"
    second = payments.start(order_id, "native").out_trade_no
    shop.scan_and_pay(second)
    call_back(shop, second)
    call_back(shop, first)  # came twice: the late one goes back
    page = client.get(f"/orders/{number}/receipt").text
    assert second in page and first not in page and "退款" not in page
    assert state(order_id) == "pending_review"


def test_another_students_payment_is_not_found(shop: Shop, waiting: tuple[FlaskClient, Order]) -> None:
    _, order = waiting
    other = make_order(order.campaign, OrderState.PENDING_PAYMENT)
    assert other.account is not None
    client = sign_in(shop.app.test_client(), other.account)
    for path in ("pay", "pay/wait", "pay/back", "pay/status", "receipt"):
        assert client.get(f"/orders/{order.number}/{path}").status_code == 404
