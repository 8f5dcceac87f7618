"""Finance's pages: found by any number, paged, filtered, exported; and what finance does there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import Account, BillDifference, CallbackLog, Order, Payment, Refund
from app.rules.states import OrderState, Role
from app.services.money import ledger, reconciliation, refunds
from app.services.money.ledger import Wanted
from app.services.transitions import Actor
from app.services.unit import unit_of_work
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school, make_staff, sign_in
from tests.services.money import call_back, later, opened, paid, payment, state


@pytest.fixture
def finance(shop: Shop) -> FlaskClient:
    return sign_in(shop.app.test_client(), make_staff(Role.FINANCE))


def rows(count: int) -> list[Payment]:
    """Payments of one order each, the last one open, the others closed."""
    campaign = make_campaign(make_school("20001"))
    for number in range(count):
        order = make_order(campaign, OrderState.PENDING_PAYMENT, complete=False)
        db.session.add(
            Payment(order_id=order.id, out_trade_no=f"P{number:06d}", method="native", amount_fen=1500,
                    state="open" if number == count - 1 else "closed", expires_at=now())
        )  # fmt: skip
    db.session.commit()
    return db.session.query(Payment).order_by(Payment.id).all()


def test_any_number_finds_the_payment(shop: Shop, finance: FlaskClient) -> None:
    _, number = paid(shop)
    _, other = opened()
    row = payment(number)
    finance.post(f"/finance/orders/{row.order.number}/refund", data={"cause": "学生申请"})
    refund = db.session.query(Refund).one().out_refund_no
    for text in (row.order.number, row.order.number.lower(), number, str(row.transaction_id), refund):
        page = finance.get(f"/finance/?text={text}").text
        assert number in page and other not in page, text
    assert "没有符合条件的收款" in finance.get("/finance/?text=nothing").text
    assert refund in finance.get(f"/finance/refunds?text={number}").text


def test_pages_follow_each_other_without_a_gap(shop: Shop, finance: FlaskClient) -> None:
    made = [row.out_trade_no for row in reversed(rows(120))]
    staff, seen, before = make_staff(Role.FINANCE), [], None
    for _ in range(3):
        page, before = ledger.payments_page(staff, Wanted(), before)
        seen += [row.out_trade_no for row in page]
    assert (seen, before) == (made, None)
    page = finance.get("/finance/?state=closed").text
    assert "共 119 笔" in page and "state=closed&amp;before=" in page


def test_days_are_beijing_days(shop: Shop) -> None:
    _, number = paid(shop)
    today, staff = beijing(now()).date(), make_staff(Role.FINANCE)
    yesterday = today - timedelta(days=1)
    for wanted, count in (
        (Wanted(since=today, until=today), 1),
        (Wanted(until=yesterday), 0),
        (Wanted(since=today + timedelta(days=1)), 0),
        (Wanted(state="paid", since=today), 1),
        (Wanted(state="closed", since=today), 0),
    ):
        assert ledger.payments_total(staff, wanted) == (count, 1500 * count)
        assert [row.out_trade_no for row in ledger.payments_page(staff, wanted)[0]] == [number] * count


def test_finance_of_one_school_sees_one_school(shop: Shop) -> None:
    mine, theirs = make_school("20001"), make_school("20002")
    for school in (mine, theirs):
        opened(make_campaign(school))
    bound = make_staff(Role.FINANCE, mine)
    found, _ = ledger.payments_page(bound, Wanted())
    assert [row.order.school_id for row in found] == [mine.id]
    assert ledger.payments_total(bound, Wanted()) == (1, 1500)
    client = sign_in(shop.app.test_client(), bound)
    other = db.session.query(Order).filter_by(school_id=theirs.id).one()
    assert client.get(f"/finance/orders/{other.number}").status_code == 404
    assert other.number not in client.get("/finance/payments.csv").text


def test_finance_of_one_school_sees_this_schools_differences_callbacks_and_figures(shop: Shop) -> None:
    mine, theirs = make_school("20001"), make_school("20002")
    numbers = [paid(shop, make_campaign(school))[1] for school in (mine, theirs)]
    given_back = refunded(payment(numbers[1]))
    day = beijing(now()).date()
    trade = shop.state.trades[numbers[0]]
    shop.state.trades["PSTRANGE"] = trade | {"out_trade_no": "PSTRANGE", "transaction_id": "42strange"}
    for number in numbers:
        shop.state.trades[number]["amount"] = {"total": 1, "currency": "CNY"}
        assert call_back(shop, number) == 204
    shop.state.refunds.clear()
    with later(days=1):
        assert reconciliation.compare(day) == 4
    everyone, bound = make_staff(Role.FINANCE), make_staff(Role.FINANCE, mine)
    for staff, seen in ((everyone, [*numbers, given_back, "PSTRANGE"]), (bound, numbers[:1])):
        client = sign_in(shop.app.test_client(), staff)
        for address in ("/finance/reconciliation", "/finance/reconciliation.csv", "/finance/reconciliation?show=all"):
            page = client.get(address).text
            assert {number for number in (*numbers, given_back, "PSTRANGE") if number in page} == set(seen), address
        callbacks = client.get("/finance/callbacks").text
        assert [number in callbacks for number in numbers] == [True, staff is everyone]
        assert ("已核对的账单" in client.get("/finance/reconciliation").text) == (staff is everyone)
    assert (ledger.today(everyone)["in_fen"], ledger.today(bound)["in_fen"]) == (3000, 1500)
    assert (ledger.today(everyone)["back_fen"], ledger.today(bound)["back_fen"]) == (1500, 0)
    assert (ledger.today(everyone)["differences"], ledger.today(bound)["differences"]) == (4, 1)
    assert (ledger.today(everyone)["callbacks"], ledger.today(bound)["callbacks"]) == (2, 1)
    for row in db.session.query(BillDifference):
        answer = client.post(f"/finance/differences/{row.id}/resolve", data={"note": "核对过"})
        assert answer.status_code == (303 if row.number == numbers[0] else 404)


def refunded(row: Payment) -> str:
    """A refund that has arrived: its number."""
    refunds.by_finance(row.order_id, Actor(Role.FINANCE), "学生申请")
    refund = db.session.query(Refund).one()
    for _ in range(2):
        refunds.drive(refund.id)
    return refund.out_refund_no


def test_the_schools_to_choose_from_are_named(shop: Shop) -> None:
    mine = make_school("20001", name="示例师范大学")
    make_school("20002", name="别的大学")
    for staff, others in ((make_staff(Role.FINANCE), True), (make_staff(Role.FINANCE, mine), False)):
        for address in ("/finance/", "/finance/refunds"):
            page = sign_in(shop.app.test_client(), staff).get(address).text
            assert ("示例师范大学" in page, "别的大学" in page) == (True, others)


def test_the_story_is_told_to_the_fen(shop: Shop, finance: FlaskClient) -> None:
    order_id, number = paid(shop)
    name = payment(number).order.number
    answer = finance.post(f"/finance/orders/{name}/refund", data={"cause": "学生申请"})
    assert (answer.status_code, state(order_id)) == (303, "refunded")
    for _ in range(2):
        finance.post(f"/finance/refunds/{db.session.query(Refund).one().id}/retry")
    page = finance.get(f"/finance/orders/{name}").text
    for text in (
        "发起支付",
        "收到款项",
        "凭微信支付回调",
        "入账，订单已支付",
        "发起全额退款",
        "学生申请",
        "−¥15.00",
        "¥0.00",
    ):
        assert text in page, text


def test_a_refund_without_a_cause_says_so(shop: Shop, finance: FlaskClient) -> None:
    order_id, number = paid(shop)
    answer = finance.post(f"/finance/orders/{payment(number).order.number}/refund", data={"cause": " "})
    assert (answer.status_code, state(order_id)) == (422, "pending_review")
    assert 'id="refund-fault">请填写退款原因' in answer.text and "资金经过" in answer.text  # beside its field


def test_only_an_admin_waives(shop: Shop, finance: FlaskClient) -> None:
    order_id, number = opened()
    name = payment(number).order.number
    assert "免除费用" not in finance.get(f"/finance/orders/{name}").text
    assert finance.post(f"/finance/orders/{name}/waive", data={"cause": "资助"}).status_code == 403
    admin = sign_in(shop.app.test_client(), make_staff(Role.ADMIN))
    assert "免除费用" in admin.get(f"/finance/orders/{name}").text
    without = admin.post(f"/finance/orders/{name}/waive", data={"cause": " "})
    assert (without.status_code, state(order_id)) == (422, "pending_payment")
    assert 'id="waive-fault">请填写免除原因' in without.text and 'id="refund-fault"' not in without.text
    assert admin.post(f"/finance/orders/{name}/waive", data={"cause": "资助"}).status_code == 303
    assert (state(order_id), payment(number).state) == ("pending_review", "closed")


def test_differences_are_listed_settled_and_exported(shop: Shop, finance: FlaskClient) -> None:
    day = beijing(now()).date()
    _, number = paid(shop)
    del shop.state.trades[number]
    with later(days=1):
        assert reconciliation.compare(day) == 1
    page = finance.get("/finance/reconciliation").text
    assert "微信缺少收款" in page and number in page
    row = db.session.query(BillDifference).one()
    without = finance.post(f"/finance/differences/{row.id}/resolve", data={"note": ""})
    assert without.status_code == 422 and f'id="note-{row.id}-fault">请写明差异的处理结果' in without.text
    story = f"/finance/orders/{payment(number).order.number}"
    assert "微信缺少收款" in finance.get(story).text and "待处理" in finance.get(story).text
    finance.post(f"/finance/differences/{row.id}/resolve", data={"note": "=1+1"})
    assert "=1+1" in finance.get(story).text and "待处理" not in finance.get(story).text
    assert "没有差异" in finance.get("/finance/reconciliation").text
    assert number in finance.get("/finance/reconciliation?show=all").text
    text = finance.get("/finance/reconciliation.csv").text
    assert text.startswith("\ufeff") and f"微信缺少收款,{number},15.00,," in text
    assert "'=1+1" in text  # a note is no formula


def test_a_disputed_payment_is_told_to_student_and_finance(shop: Shop, finance: FlaskClient) -> None:
    _, number = opened()
    order = payment(number).order
    shop.scan_and_pay(number)
    shop.state.trades[number]["amount"] = {"total": 1, "currency": "CNY"}
    student = sign_in(shop.app.test_client(), db.session.get_one(Account, order.account_id))
    for address in ("back", "back", "wait"):  # found out, and said again whatever is tried
        answer = student.get(f"/orders/{order.number}/pay/{address}")
        assert answer.status_code == 409 and "支付结果需要人工核对" in answer.text
    assert number in finance.get("/finance/?state=disputed").text
    assert "金额不符，未入账" in finance.get("/finance/reconciliation").text
    assert "微信 ¥0.01" in " ".join(finance.get(f"/finance/orders/{order.number}").text.split())


def test_a_day_is_compared_by_hand(finance: FlaskClient) -> None:
    yesterday = (beijing(now()).date() - timedelta(days=1)).isoformat()
    answer = finance.post("/finance/reconciliation", data={"day": yesterday}, follow_redirects=True)
    assert answer.text.count(yesterday) > 2 and "0 处差异" in answer.text


def test_a_day_that_is_not_over_is_a_sentence(finance: FlaskClient) -> None:
    answer = finance.post("/finance/reconciliation", data={"day": beijing(now()).date().isoformat()})
    assert answer.status_code == 422 and 'id="day-fault">只能核对已经结束的日期' in answer.text


def test_odd_callbacks_are_shown(shop: Shop, finance: FlaskClient) -> None:
    with unit_of_work():
        db.session.add(
            CallbackLog(notify_id="n1", event_type="TRANSACTION.SUCCESS", out_trade_no="PX", outcome="wrong_amount",
                      amount_fen=1)
        )  # fmt: skip
    page = finance.get("/finance/callbacks").text
    assert "金额不符，未入账" in page and "¥0.01" in page


def test_payments_are_exported_as_filtered(shop: Shop, finance: FlaskClient) -> None:
    rows(3)
    text = finance.get("/finance/payments.csv?state=closed").text
    assert text.count("P00000") == 2 and "15.00,已关闭" in text
