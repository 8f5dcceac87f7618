"""Refunds: in full, with a cause, one number for life, and every failure visible."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from app.adapters.wechatpay import Gateway
from app.extensions import db
from app.models import CallbackLog, Order, Outbox, Refund
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.states import Role
from app.services.money import ledger, refunds, settlement
from app.services.transitions import SYSTEM, Actor
from app.services.upkeep import expiry, sweep
from tests.conftest import Shop
from tests.services.money import later, paid, payment, state

FINANCE = Actor(Role.FINANCE)


def asked(shop: Shop) -> tuple[int, int, str]:
    """A paid order that finance refunds: order id, refund id, out_refund_no."""
    order_id, _ = paid(shop)
    refunds.by_finance(order_id, FINANCE, "学生申请")
    refund = db.session.query(Refund).one()
    return order_id, refund.id, refund.out_refund_no


def now_is(refund_id: int) -> tuple[str, str]:
    db.session.rollback()
    row = db.session.get_one(Refund, refund_id)
    return row.state, row.failure


def tell(shop: Shop, number: str, **changes: Any) -> str:
    body, headers = shop.refund_callback(number, **changes)
    assert settlement.take_callback(headers, body) == 204
    return db.session.query(CallbackLog).order_by(CallbackLog.id.desc()).first().outcome  # type: ignore[union-attr]


def test_a_refund_is_one_refund_however_often_it_is_asked_and_driven(any_shop: Shop) -> None:
    order_id, refund_id, _ = asked(any_shop)
    with pytest.raises(ActionNotAllowed):
        refunds.by_finance(order_id, FINANCE, "又一次")
    any_shop.state.faults["server_error_done"] = 1  # WeChat took it, we did not hear
    assert refunds.drive(refund_id) == "requested"
    assert refunds.drive(refund_id) == "succeeded"
    assert refunds.drive(refund_id) == "succeeded"
    assert (state(order_id), len(any_shop.state.refunds)) == ("refunded", 1)


@pytest.mark.parametrize("cause", ["", "   "])
def test_finance_gives_a_cause(shop: Shop, cause: str) -> None:
    order_id, _ = paid(shop)
    with pytest.raises(Invalid):
        refunds.by_finance(order_id, FINANCE, cause)
    assert state(order_id) == "pending_review"


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.STUDENT, Role.SCHOOL, Role.PRODUCER, Role.LEAD])
def test_only_finance_and_admin_refund_and_retry(shop: Shop, role: Role) -> None:
    order_id, _ = paid(shop)
    with pytest.raises(Exception, match="权限"):
        refunds.by_finance(order_id, Actor(role), "学生申请")
    with pytest.raises(ActionNotAllowed):
        refunds.retry(1, Actor(role))
    assert db.session.query(Refund).count() == 0


def test_close_gives_back_and_tells_the_student(any_shop: Shop) -> None:
    order_id, number = paid(any_shop)
    assert expiry.close(order_id, SYSTEM, "采集批次已结束")
    row = db.session.query(Refund).one()
    assert (state(order_id), row.cause, row.amount_fen) == ("refunded", "采集批次已结束", 1500)
    assert db.session.query(Outbox).filter_by(kind="refunded").count() == 1
    assert not ledger.is_paid(order_id)
    assert payment(number).state == "paid"  # what was paid stays stated


@pytest.mark.parametrize(("fault", "code"), [("not_enough", "NOT_ENOUGH"), ("system_error", "BUSY")])
def test_what_passes_is_tried_again_by_itself_with_the_same_number(any_shop: Shop, fault: str, code: str) -> None:
    _, refund_id, number = asked(any_shop)
    any_shop.state.faults[fault] = 1
    assert refunds.drive(refund_id) == "requested"
    assert now_is(refund_id) == ("requested", code)
    with later(minutes=2):
        sweep.run()
    with later(minutes=10):
        sweep.run()
    assert now_is(refund_id) == ("succeeded", "")
    assert list(any_shop.state.refunds) == [number]


def test_a_failure_is_visible_and_retried_with_the_same_number(any_shop: Shop) -> None:
    _, refund_id, number = asked(any_shop)
    any_shop.state.faults.update(refund_abnormal=1, lost=1)
    refunds.drive(refund_id)
    refunds.drive(refund_id)
    assert now_is(refund_id) == ("failed", "ABNORMAL")
    with later(hours=2):
        sweep.run()
    assert now_is(refund_id) == ("failed", "ABNORMAL")  # a person has to look
    refunds.retry(refund_id, FINANCE)
    refunds.drive(refund_id)
    assert now_is(refund_id) == ("succeeded", "")
    assert list(any_shop.state.refunds) == [number]


def test_after_a_year_finance_is_told_and_the_system_fails_visibly(shop: Shop) -> None:
    order_id, _ = paid(shop)
    with later(days=366):
        with pytest.raises(ActionNotAllowed, match="一年"):
            refunds.by_finance(order_id, FINANCE, "学生申请")
        assert state(order_id) == "pending_review"
        expiry.close(order_id, SYSTEM, "采集批次已结束")
        refund_id = db.session.query(Refund).one().id
        assert refunds.drive(refund_id) == "failed"
    assert now_is(refund_id) == ("failed", refunds.TOO_OLD)
    assert shop.state.refunds == {}


def test_a_day_before_the_year_is_over_it_still_works(shop: Shop) -> None:
    order_id, _ = paid(shop)
    with later(days=364):
        refunds.by_finance(order_id, FINANCE, "学生申请")
        assert refunds.drive(db.session.query(Refund).one().id) == "processing"


def test_the_refund_callback_settles_it_and_late_words_change_nothing(any_shop: Shop) -> None:
    _, refund_id, number = asked(any_shop)
    any_shop.state.faults["lost"] = 1
    refunds.drive(refund_id)
    assert tell(any_shop, number) == "refund_succeeded"
    settled = db.session.get_one(Refund, refund_id).settled_at
    assert tell(any_shop, number, refund_status="ABNORMAL") == "refund_succeeded"
    assert tell(any_shop, number, refund_status="PROCESSING") == "refund_succeeded"
    assert now_is(refund_id) == ("succeeded", "")
    assert db.session.get_one(Refund, refund_id).settled_at == settled


def test_a_refund_callback_may_come_before_the_answer(any_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    _, refund_id, number = asked(any_shop)
    any_shop.state.faults["lost"] = 1
    real = Gateway.refund

    def refund(self: Gateway, *values: Any) -> Any:
        answer = real(self, *values)
        assert tell(any_shop, number) == "refund_succeeded"
        return answer

    monkeypatch.setattr(Gateway, "refund", refund)
    assert refunds.drive(refund_id) == "succeeded"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"mchid": "1"}, "wrong_merchant"),
        ({"amount": {"refund": 1, "total": 1500}}, "wrong_amount"),
        ({"amount": {"refund": 1500, "total": 1}}, "wrong_amount"),
        ({"transaction_id": "42"}, "other_transaction"),
        ({"out_trade_no": "P"}, "other_transaction"),
        ({"out_refund_no": "R"}, "unknown"),
    ],
)
def test_a_refund_callback_that_does_not_fit_moves_nothing(shop: Shop, changes: dict[str, Any], outcome: str) -> None:
    _, refund_id, number = asked(shop)
    shop.state.faults["lost"] = 1
    refunds.drive(refund_id)
    assert tell(shop, number, **changes) == outcome
    assert now_is(refund_id) == ("processing", "")


def test_a_refund_that_wechat_never_heard_of_is_asked_for_again(shop: Shop) -> None:
    _, refund_id, _ = asked(shop)
    shop.state.faults["lost"] = 1
    refunds.drive(refund_id)
    kept = dict(shop.state.refunds)
    shop.state.refunds.clear()
    assert refunds.drive(refund_id) == "requested"
    shop.state.refunds.update(kept)
    refunds.drive(refund_id)
    assert refunds.drive(refund_id) == "succeeded"


def test_two_workers_at_once_lose_no_word(any_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One hears success while the other hears nothing: the slower one must not take it back."""
    _, refund_id, number = asked(any_shop)
    any_shop.state.faults["lost"] = 1
    refunds.drive(refund_id)
    gate, real = threading.Event(), Gateway.query_refund

    def slow(self: Gateway, which: str) -> Any:
        answer = dict(real(self, which)) | {"status": "PROCESSING"}
        gate.wait(5)
        return answer

    def other() -> None:
        with any_shop.app.app_context():
            refunds.drive(refund_id)
            db.session.remove()

    monkeypatch.setattr(Gateway, "query_refund", slow)
    thread = threading.Thread(target=other)
    thread.start()
    assert tell(any_shop, number) == "refund_succeeded"
    gate.set()
    thread.join()
    assert now_is(refund_id) == ("succeeded", "")


def test_money_on_its_way_back_no_longer_carries_the_order(shop: Shop) -> None:
    order_id, _, _ = asked(shop)
    db.session.rollback()
    assert ledger.paid(order_id) is None
    assert db.session.get_one(Order, order_id).state == "refunded"
