"""Every day against WeChat's bill: every difference is listed, what a query can explain is explained."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
import time_machine

from app.adapters.clock import BEIJING, beijing, now
from app.adapters.wechatpay import PayError
from app.extensions import db
from app.models import BillDay, BillDifference, BillLine, Refund
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.states import Role
from app.services.money import differences, reconciliation, refunds
from app.services.money.reconciliation import HEALED
from app.services.transitions import Actor
from app.services.upkeep import sweep
from tests.conftest import Shop
from tests.factories import make_campaign, make_school, make_staff
from tests.services.money import later, opened, paid, payment, state

FINANCE = Actor(Role.FINANCE)


def day() -> date:
    return beijing(now()).date()


def listed() -> list[tuple[str, str, int | None, int | None]]:
    db.session.rollback()
    rows = db.session.query(BillDifference).filter_by(resolved_at=None).order_by(BillDifference.id)
    return [(row.kind, row.number, row.ours_fen, row.theirs_fen) for row in rows]


def compared(of: date) -> int:
    with later(days=1):
        return reconciliation.compare(of)


def test_books_that_agree_have_no_difference(any_shop: Shop) -> None:
    today = day()
    order_id, number = paid(any_shop)
    refunds.by_finance(order_id, FINANCE, "学生申请")
    refund_id = db.session.query(Refund).one().id
    refunds.drive(refund_id)
    refunds.drive(refund_id)
    paid(any_shop, payment(number).order.campaign)
    assert compared(today) == 0
    row = db.session.query(BillDay).one()
    assert (row.payments, row.payments_fen, row.refunds, row.refunds_fen) == (2, 3000, 1, 1500)
    assert row.fee_text == "0.09000"
    assert db.session.query(BillLine).count() == 3
    assert compared(today) == 0  # twice is harmless
    assert db.session.query(BillLine).count() == 3


def test_money_whose_callback_was_lost_is_asked_about_and_stays_listed_as_explained(any_shop: Shop) -> None:
    today = day()
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    assert compared(today) == 0
    assert (state(order_id), payment(number).evidence) == ("pending_review", "query")
    row = db.session.query(BillDifference).one()
    assert (row.kind, row.number, row.theirs_fen, row.note) == ("payment_missing_here", number, 1500, HEALED)


def test_each_kind_of_difference_is_found(shop: Shop) -> None:
    today, campaign = day(), make_campaign(make_school())
    numbers = [paid(shop, campaign)[1] for _ in range(4)]
    trades = shop.state.trades
    amount, transaction, gone, given_back = numbers
    trades["PSTRANGE"] = trades[gone] | {"out_trade_no": "PSTRANGE", "transaction_id": "42strange"}
    trades[amount]["amount"] = {"total": 1499, "currency": "CNY"}
    trades[transaction]["transaction_id"] = "42other"
    del trades[gone]
    refunds.by_finance(payment(given_back).order_id, FINANCE, "学生申请")
    refund = db.session.query(Refund).one()
    shop.state.faults["lost"] = 1
    refunds.drive(refund.id)
    kept = shop.state.refunds[refund.out_refund_no]
    shop.state.refunds["RSTRANGE"] = kept | {"out_refund_no": "RSTRANGE"}
    compared(today)
    assert set(listed()) == {
        ("payment_missing_here", "PSTRANGE", None, 1500),
        ("payment_amount", amount, 1500, 1499),
        ("payment_transaction", transaction, 1500, 1500),
        ("payment_missing_there", gone, 1500, None),
        ("refund_missing_here", "RSTRANGE", None, 1500),
    }
    healed = db.session.query(BillDifference).filter(BillDifference.note == HEALED).one()
    assert (healed.kind, healed.number) == ("refund_state", refund.out_refund_no)
    assert db.session.query(Refund).one().state == "succeeded"


def test_a_refund_that_wechat_does_not_know_and_one_of_another_amount(shop: Shop) -> None:
    today, campaign = day(), make_campaign(make_school())
    found = []
    for _ in range(2):
        refunds.by_finance(paid(shop, campaign)[0], FINANCE, "学生申请")
        row = db.session.query(Refund).order_by(Refund.id.desc()).first()
        assert row is not None
        refunds.drive(row.id)
        refunds.drive(row.id)
        found.append(row.out_refund_no)
    del shop.state.refunds[found[0]]
    shop.state.refunds[found[1]]["amount"] = {"refund": 1, "total": 1500, "currency": "CNY"}
    compared(today)
    assert set(listed()) == {
        ("refund_missing_there", found[0], 1500, None),
        ("refund_amount", found[1], 1500, 1),
    }


def test_a_difference_that_turns_out_to_be_none_closes_itself_and_may_open_again(shop: Shop) -> None:
    today = day()
    _, number = paid(shop)
    trade = shop.state.trades.pop(number)
    assert compared(today) == 1
    shop.state.trades[number] = trade
    assert compared(today) == 0
    del shop.state.trades[number]
    assert compared(today) == 1
    assert db.session.query(BillDifference).count() == 1


def test_finance_closes_a_difference_with_a_note(shop: Shop) -> None:
    today = day()
    _, number = paid(shop)
    del shop.state.trades[number]
    compared(today)
    row_id, staff = db.session.query(BillDifference).one().id, make_staff(Role.FINANCE)
    with pytest.raises(Invalid):
        differences.resolve(staff, row_id, FINANCE, " ")
    with pytest.raises(ActionNotAllowed):
        differences.resolve(staff, row_id, Actor(Role.REVIEWER), "x")
    differences.resolve(staff, row_id, Actor(Role.FINANCE, staff.id), "微信客服确认重复入账")
    assert listed() == []
    compared(today)  # what a person has closed stays closed
    assert listed() == []


def test_a_bill_that_does_not_match_its_digest_is_not_believed(shop: Shop) -> None:
    today = day()
    paid(shop)
    shop.state.faults["bill_damaged"] = 1
    with pytest.raises(PayError, match="微信支付没有接受") as error:
        compared(today)
    assert error.value.code == "BILL_DAMAGED"
    assert db.session.query(BillDay).count() == 0


def test_a_day_without_trade_is_compared_too(shop: Shop) -> None:
    yesterday = day() - timedelta(days=1)
    assert reconciliation.compare(yesterday) == 0
    assert db.session.query(BillDay).one().payments == 0


def test_a_day_that_is_not_over_is_refused(shop: Shop) -> None:
    with pytest.raises(Invalid):
        reconciliation.compare(day())


def test_the_sweep_compares_each_day_once_after_ten_in_the_morning(shop: Shop) -> None:
    start = datetime.combine(day(), time(), BEIJING) + timedelta(hours=12)
    with time_machine.travel(start):
        paid(shop)
    with time_machine.travel(start + timedelta(hours=21)):  # nine in the morning: not yet
        assert reconciliation.compare_due() == 0
    with time_machine.travel(start + timedelta(hours=23)):
        assert reconciliation.compare_due() == 1
        assert reconciliation.compare_due() == 0
    with time_machine.travel(start + timedelta(days=4)):  # the machine was off for three days
        assert reconciliation.compare_due() == 3
        assert reconciliation.compare_due() == 0


def test_three_bills_that_wechat_refuses_end_the_round_and_the_next_makes_up_for_them(shop: Shop) -> None:
    noon = datetime.combine(day(), time(12), BEIJING)
    with time_machine.travel(noon):
        paid(shop)
    kept = next(iter(shop.state.trades.values()))
    for number in (27, 28, 29):
        at = (noon + timedelta(days=number)).isoformat()
        shop.state.trades[f"P{number}"] = kept | {"out_trade_no": f"P{number}", "success_time": at}
    with time_machine.travel(noon + timedelta(days=30)):
        shop.state.faults["bill_damaged"] = 3
        assert reconciliation.compare_due() == 0
        assert reconciliation.compare_due() == 30


def test_money_behind_a_close_that_was_never_heard_goes_back_however_long_the_sweep_stood_still(
    any_shop: Shop,
) -> None:
    """Only the bill knows of it; it is out after ten, so the night's sweep is one too early."""
    order_id, number = opened()
    any_shop.scan_and_pay(number)
    row = payment(number)
    row.state, row.next_query_at, row.order.state = "closed", None, "cancelled"
    db.session.commit()
    midnight = datetime.combine(day(), time(), BEIJING)
    for hours in (15 * 24 + 6, 15 * 24 + 12, 15 * 24 + 13, 15 * 24 + 14):
        with time_machine.travel(midnight + timedelta(hours=hours)):
            sweep.run()
    refund = db.session.query(Refund).one()
    assert (state(order_id), refund.state, refund.amount_fen) == ("cancelled", "succeeded", 1500)
    assert any_shop.state.refunds[refund.out_refund_no]["amount"]["refund"] == 1500


def test_midnight_in_beijing_parts_the_days(shop: Shop) -> None:
    midnight = datetime.combine(day(), time(), BEIJING) + timedelta(days=1)
    campaign = make_campaign(make_school())
    with time_machine.travel(midnight - timedelta(seconds=30), tick=False):
        _, before = paid(shop, campaign)
    with time_machine.travel(midnight + timedelta(seconds=30), tick=False):
        _, after = paid(shop, campaign)
    with time_machine.travel(midnight + timedelta(days=2)):
        assert reconciliation.compare(midnight.date() - timedelta(days=1)) == 0
        assert reconciliation.compare(midnight.date()) == 0
    kept = {row.number: row.day for row in db.session.query(BillLine)}
    assert (kept[before], kept[after]) == (str(midnight.date() - timedelta(days=1)), str(midnight.date()))
