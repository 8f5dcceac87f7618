"""Money: paid at most once, whatever is lost, late, repeated, changed or concurrent."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.adapters.clock import now
from app.extensions import db
from app.models import Campaign, Event, NotifyLog, Order, Payment, Refund
from app.rules.faults import ActionNotAllowed, Busy
from app.rules.states import OrderState
from app.services import expiry, payments, reconciliation, refunds, submissions
from app.services.unit import unit_of_work
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school


def _campaign() -> Campaign:
    return make_campaign(make_school())


def _open(campaign: Campaign | None = None) -> tuple[Order, Payment]:
    order = make_order(campaign or _campaign(), OrderState.PENDING_PAYMENT)
    return order, payments.start(order.id, "native")


def _notice(shop: Shop, number: str, **changes: Any) -> int:
    body, headers = shop.callback(number, **changes)
    return payments.take_notice(headers, body)


def _state(order_id: int) -> str:
    db.session.rollback()
    return str(db.session.get_one(Order, order_id).state)


def test_a_callback_pays_the_order_once_however_often_it_comes(any_shop: Shop) -> None:
    order, payment = _open()
    number, order_id = payment.out_trade_no, order.id
    any_shop.scan_and_pay(number)
    body, headers = any_shop.callback(number)
    assert [payments.take_notice(headers, body) for _ in range(3)] == [204, 204, 204]
    assert _notice(any_shop, number) == 204  # another notice of the same payment
    assert _state(order_id) == "pending_review"
    assert db.session.query(Event).filter_by(order_id=order_id, action="pay").count() == 1
    assert db.session.query(NotifyLog).count() == 2
    assert db.session.query(Refund).count() == 0


def test_fifty_callbacks_at_once_end_with_one_payment(any_shop: Shop) -> None:
    order, payment = _open()
    number, order_id = payment.out_trade_no, order.id
    any_shop.scan_and_pay(number)
    statuses: list[int] = []

    def call() -> None:
        with any_shop.app.app_context():
            try:
                statuses.append(_notice(any_shop, number))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [204] * 50
    assert _state(order_id) == "pending_review"
    assert db.session.query(Event).filter_by(order_id=order_id, action="pay").count() == 1
    assert db.session.query(Refund).count() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": {"total": 1, "currency": "CNY"}},
        {"amount": {"total": 1500, "currency": "USD"}},
        {"mchid": "1900000999"},
        {"appid": "wx-somebody-else"},
        {"out_trade_no": "P00000000UNKNOWN"},
        {"transaction_id": ""},
        {"trade_state": "NOTPAY"},
    ],
)
def test_a_signed_notice_that_does_not_fit_moves_nothing(shop: Shop, changes: dict[str, Any]) -> None:
    order, payment = _open()
    number, order_id = payment.out_trade_no, order.id
    shop.scan_and_pay(number)
    assert _notice(shop, number, **changes) == 204
    assert _state(order_id) == "pending_payment"
    assert db.session.scalars(select(NotifyLog.outcome)).one() not in ("paid", "")


@pytest.mark.parametrize("trick", ["body", "signature", "old", "serial", "type", "probe", "garbage"])
def test_a_forged_notice_is_refused(shop: Shop, trick: str) -> None:
    order, payment = _open()
    number, order_id = payment.out_trade_no, order.id
    shop.scan_and_pay(number)
    body, headers = shop.callback(number)
    if trick == "body":
        body = body.replace(b"TRANSACTION", b"TRANSACTIOM")
    elif trick == "signature":
        headers["Wechatpay-Signature"] = headers["Wechatpay-Signature"][::-1]
    elif trick == "old":
        headers["Wechatpay-Timestamp"] = str(int(headers["Wechatpay-Timestamp"]) - 3600)
    elif trick == "serial":
        headers["Wechatpay-Serial"] = "PUB_KEY_ID_0"
    elif trick == "type":
        del headers["Wechatpay-Signature-Type"]
    elif trick == "probe":
        headers = shop.signing.headers(body, wrong=True)
    else:
        body = b"\xff not json"
    assert payments.take_notice(headers, body) == 401
    assert _state(order_id) == "pending_payment"
    assert db.session.query(NotifyLog).count() == 0


def test_a_lost_callback_is_made_up_by_polling(any_shop: Shop) -> None:
    order, payment = _open()
    number, order_id = payment.out_trade_no, order.id
    any_shop.scan_and_pay(number)
    assert payments.poll_due() == 0  # its first query is a minute away
    with unit_of_work():
        db.session.query(Payment).one().next_query_at = now()
    assert payments.poll_due() == 1
    assert _state(order_id) == "pending_review"


def test_paying_again_reuses_the_open_payment_and_never_opens_two(any_shop: Shop) -> None:
    order, first = _open()
    again = payments.start(order.id, "native")
    assert (again.id, again.handle) == (first.id, first.handle)
    with unit_of_work():
        db.session.get_one(Payment, first.id).expires_at = now()
    fresh = payments.start(order.id, "native")
    assert fresh.out_trade_no != first.out_trade_no
    states = [row.state for row in db.session.query(Payment).order_by(Payment.id)]
    assert states == ["closed", "open"]


@pytest.mark.parametrize("way", ["cancel", "edit", "expire"])
def test_leaving_the_payment_asks_and_closes_first_and_notices_money(any_shop: Shop, way: str) -> None:
    order, payment = _open()
    any_shop.scan_and_pay(payment.out_trade_no)
    order_id, number, account = order.id, order.number, order.account_id
    assert account is not None
    if way == "expire":
        assert expiry.expire(order_id) == 0
    else:
        act = {"cancel": submissions.cancel, "edit": submissions.edit}[way]
        assert act(account, number, order.version) is False
    assert _state(order_id) == "pending_review"


def test_an_unpaid_order_is_cancelled_only_after_the_payment_is_closed(any_shop: Shop) -> None:
    order, payment = _open()
    order_id, number, account, trade = order.id, order.number, order.account_id or 0, payment.out_trade_no
    assert submissions.cancel(account, number, order.version)
    assert _state(order_id) == "cancelled"
    assert any_shop.state.trades[trade]["trade_state"] == "CLOSED"


def test_money_for_a_cancelled_order_goes_back_by_itself(any_shop: Shop) -> None:
    """The payer was faster than our close, the callback slower than our cancel."""
    order, payment = _open()
    order_id, number = order.id, payment.out_trade_no
    any_shop.scan_and_pay(number)
    with unit_of_work():
        db.session.get_one(Order, order_id).state = OrderState.CANCELLED.value
    assert _notice(any_shop, number) == 204
    assert _state(order_id) == "cancelled"
    refund = db.session.query(Refund).one()
    assert refund.amount_fen == 1500
    refunds.drive(refund.id)
    with unit_of_work():
        db.session.get_one(Refund, refund.id).next_try_at = now()
    assert refunds.drive_due() == 1
    db.session.rollback()
    assert db.session.query(Refund).one().state == "succeeded"
    assert sum(one["amount"]["refund"] for one in any_shop.state.refunds.values()) == 1500


def test_a_silent_wechat_changes_nothing(shop: Shop) -> None:
    order, payment = _open()
    order_id, number, account, version = order.id, order.number, order.account_id or 0, order.version
    shop.state.faults["system_error"] = 5
    with pytest.raises(Busy):
        submissions.cancel(account, number, version)
    assert _state(order_id) == "pending_payment"
    shop.state.faults["system_error"] = 0
    assert submissions.cancel(account, number, version)
    assert payment.id


def test_a_refund_is_one_refund_however_often_it_is_asked_and_driven(any_shop: Shop) -> None:
    order, payment = _open()
    any_shop.scan_and_pay(payment.out_trade_no)
    assert _notice(any_shop, payment.out_trade_no) == 204
    from app.rules.states import Role
    from app.services.transitions import Actor

    order_id = order.id
    refunds.by_finance(order_id, Actor(Role.FINANCE), "学生申请")
    with pytest.raises(ActionNotAllowed):
        refunds.by_finance(order_id, Actor(Role.FINANCE), "又一次")
    refund_id = db.session.query(Refund).one().id
    any_shop.state.faults["server_error"] = 1
    assert refunds.drive(refund_id) == "requested"  # a 502: it stays asked, with the same number
    assert refunds.drive(refund_id) == "processing"
    assert refunds.drive(refund_id) == "succeeded"
    assert refunds.drive(refund_id) == "succeeded"
    assert _state(order_id) == "refunded"
    assert len(any_shop.state.refunds) == 1


def test_a_payment_older_than_a_year_fails_visibly(shop: Shop) -> None:
    order, payment = _open()
    shop.scan_and_pay(payment.out_trade_no)
    _notice(shop, payment.out_trade_no)
    with unit_of_work() as unit:
        old = db.session.query(Payment).one()
        old.paid_at = now() - timedelta(days=366)
        refund = refunds.request(unit, old, "too late")
    assert refunds.drive(refund.id) == "failed"
    assert db.session.query(Refund).one().failure == "over one year"
    assert order.id


def test_reconciliation_finds_what_is_missing_on_either_side(shop: Shop) -> None:
    from app.adapters.clock import beijing

    day = beijing(now()).date()
    _, kept = _open(campaign := _campaign())
    _, lost = _open(campaign)
    for payment in (kept, lost):
        shop.scan_and_pay(payment.out_trade_no)
    _notice(shop, kept.out_trade_no)
    assert reconciliation.compare(day) == 1
    rows = db.session.query(payments.Payment).all()
    assert len(rows) == 2
    from app.models import BillDifference

    row = db.session.query(BillDifference).one()
    assert (row.kind, row.out_trade_no, row.ours_fen, row.theirs_fen) == (
        "payment_missing_here", lost.out_trade_no, None, 1500,
    )  # fmt: skip
    _notice(shop, lost.out_trade_no)
    assert reconciliation.compare(day) == 0


@pytest.mark.parametrize(("yuan", "fen"), [("15.00", 1500), ("0.01", 1), ("15", 1500), ("15.5", 1550)])
def test_yuan_become_fen_without_floating_point(yuan: str, fen: int) -> None:
    assert reconciliation.fen(yuan) == fen
