"""Orders, callbacks, refunds, crashes and time in any order: the books always agree with WeChat's, order by order."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from app.adapters.clock import now
from app.extensions import db
from app.models import Event, Order, Payment, PaymentState, Refund, RefundState
from app.rules.faults import Fault
from app.rules.states import OrderState
from app.services import expiry, payments, submissions, sweep
from app.services.transitions import SYSTEM
from app.services.unit import unit_of_work
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school

SOAK = bool(os.environ.get("CAIXIANG_SOAK"))
picks = st.integers(0, 50)


class Money(RuleBasedStateMachine):
    """Students, WeChat, finance, the sweep and broken moments, one step at a time."""

    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[int] = []
        self.campaign = make_campaign(make_school(code=f"{now().microsecond % 90000 + 10000}"))

    def _order(self, pick: int) -> Order:
        db.session.rollback()
        return db.session.get_one(Order, self.orders[pick % len(self.orders)])

    def _trades(self) -> list[str]:
        mine = db.session.query(Payment.out_trade_no).filter(Payment.order_id.in_(self.orders))
        return [number for (number,) in mine if number in self.shop.state.trades]

    @rule()
    def submit(self) -> None:
        self.orders.append(make_order(self.campaign, OrderState.PENDING_PAYMENT).id)

    @precondition(lambda self: self.orders)
    @rule(pick=picks, method=st.sampled_from(["native", "native", "jsapi"]))
    def start(self, pick: int, method: str) -> None:
        with contextlib.suppress(Fault):
            payments.start(self._order(pick).id, method)

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def pay(self, pick: int) -> None:
        trades = self._trades()
        if trades:
            self.shop.scan_and_pay(trades[pick % len(trades)])

    @precondition(lambda self: self.orders)
    @rule(pick=picks, copies=st.integers(1, 3), total=st.sampled_from([None, None, 1]))
    def callback(self, pick: int, copies: int, total: int | None) -> None:
        paid = [n for n in self._trades() if self.shop.state.trades[n]["transaction_id"]]
        if not paid:
            return
        changes: dict[str, Any] = {} if total is None else {"amount": {"total": total, "currency": "CNY"}}
        changes["trade_state"] = "SUCCESS"
        body, headers = self.shop.callback(paid[pick % len(paid)], **changes)
        for _ in range(copies):
            assert payments.take_notice(headers, body) == 204

    @precondition(lambda self: self.orders)
    @rule(pick=picks, act=st.sampled_from(["cancel", "edit"]))
    def leave(self, pick: int, act: str) -> None:
        order = self._order(pick)
        with contextlib.suppress(Fault):
            getattr(submissions, act)(order.account_id, order.number, order.version)

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def submit_again(self, pick: int) -> None:
        order = self._order(pick)
        if order.state == OrderState.DRAFT:
            submissions.submit(order.account_id or 0, order.number, order.version)

    @precondition(lambda self: self.orders)
    @rule(pick=picks)
    def close(self, pick: int) -> None:
        expiry.close(self._order(pick).id, SYSTEM, "campaign over")

    @precondition(lambda self: self.orders)
    @rule(fault=st.sampled_from(["system_error", "server_error"]))
    def wechat_stumbles(self, fault: str) -> None:
        self.shop.state.faults[fault] = 1

    @precondition(lambda self: self.orders)
    @rule(minutes=st.sampled_from([2, 30, 180, 1500]))
    def time_passes_and_the_sweep_runs(self, minutes: int) -> None:
        back = timedelta(minutes=minutes)
        with unit_of_work():
            for payment in db.session.query(Payment).filter(Payment.order_id.in_(self.orders)):
                payment.expires_at -= back
                payment.next_query_at = payment.next_query_at and payment.next_query_at - back
                payment.handle_expires_at = payment.handle_expires_at and payment.handle_expires_at - back
            for refund in db.session.query(Refund):
                refund.next_try_at = refund.next_try_at and refund.next_try_at - back
            for order in db.session.query(Order).filter(Order.id.in_(self.orders)):
                order.state_since -= back
        sweep.run()

    @invariant()
    def an_order_is_paid_at_most_once(self) -> None:
        db.session.rollback()
        for order_id in self.orders:
            live = [p for p in self._payments(order_id) if p.state == PaymentState.PAID and not p.refunds]
            pays = db.session.query(Event).filter_by(order_id=order_id, action="pay").count()
            assert len(live) <= 1
            assert pays <= len([p for p in self._payments(order_id) if p.state == PaymentState.PAID])

    @invariant()
    def nobody_pays_without_an_order_or_a_refund(self) -> None:
        unpaid = (OrderState.DRAFT, OrderState.PENDING_PAYMENT, OrderState.CANCELLED, OrderState.REFUNDED)
        for order_id in self.orders:
            order = db.session.get_one(Order, order_id)
            for payment in self._payments(order_id):
                if payment.state == PaymentState.PAID and OrderState(order.state) in unpaid:
                    assert payment.refunds, f"{order.state} holds money"

    @invariant()
    def what_we_believe_is_backed_by_wechat(self) -> None:
        for order_id in self.orders:
            for payment in self._payments(order_id):
                trade = self.shop.state.trades.get(payment.out_trade_no)
                if payment.state == PaymentState.PAID:
                    assert trade is not None and trade["transaction_id"] == payment.transaction_id
                for refund in payment.refunds:
                    if refund.state == RefundState.SUCCEEDED:
                        assert refund.out_refund_no in self.shop.state.refunds

    def _payments(self, order_id: int) -> list[Payment]:
        return db.session.query(Payment).filter_by(order_id=order_id).all()

    def teardown(self) -> None:
        """In the end, with WeChat well and time enough, paid minus refunded is what WeChat's side says."""
        self.shop.state.faults.update(dict.fromkeys(self.shop.state.faults, 0))
        if not self.orders:
            return
        for _ in range(4):
            self.time_passes_and_the_sweep_runs(1500)
        for order_id in self.orders:
            ours = theirs = 0
            for payment in self._payments(order_id):
                trade = self.shop.state.trades.get(payment.out_trade_no, {})
                theirs += trade["amount"]["total"] if trade.get("transaction_id") else 0
                ours += payment.amount_fen if payment.state == PaymentState.PAID else 0
                for refund in payment.refunds:
                    ours -= refund.amount_fen if refund.state == RefundState.SUCCEEDED else 0
                    kept = self.shop.state.refunds.get(refund.out_refund_no)
                    theirs -= kept["amount"]["refund"] if kept else 0
            assert ours == theirs, f"order {order_id}: {ours} != {theirs}"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_books_agree(
    database: str, request: pytest.FixtureRequest, make_app: Any, pay_keys: Any, tmp_path: Any
) -> None:
    from tests.conftest import _shop

    more = {} if database == "sqlite" else {"SQLALCHEMY_DATABASE_URI": request.getfixturevalue("postgresql_url")}
    shops = _shop(make_app, pay_keys, tmp_path, more)
    Money.shop = next(shops)
    examples, steps = (60, 60) if SOAK else (4, 20)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Money,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    shops.close()  # type: ignore[attr-defined]
