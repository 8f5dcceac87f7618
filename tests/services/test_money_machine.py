"""Orders, callbacks, refunds, crashes and time in any order: the books always agree with WeChat's, order by order."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.adapters.clock import BEIJING, beijing, now
from app.extensions import db
from app.models import CallbackLog, Event, Identity, Order, Payment, PaymentState, Refund, RefundState
from app.rules.faults import Fault
from app.rules.states import OrderState, Role
from app.services import submissions
from app.services.money import ledger, payments, reconciliation, refunds, settlement
from app.services.transitions import SYSTEM, Actor
from app.services.upkeep import expiry, sweep
from tests.conftest import Shop, _shop
from tests.factories import make_campaign, make_order, make_school
from tests.services.crashes import Crash, Fuse

SOAK = bool(os.environ.get("CAIXIANG_SOAK"))
FINANCE = Actor(Role.FINANCE)
picks = st.integers(0, 20)
fuses = st.one_of(st.none(), st.integers(0, 12))
"""After how many writes, commits, hooks and words with WeChat the process dies; None: not this time."""


def _midnight() -> datetime:
    return datetime.combine(beijing(now()).date(), time(), BEIJING)


class Money(RuleBasedStateMachine):
    """Students, WeChat, finance, the sweep and broken moments, one step at a time."""

    shop: ClassVar[Shop]
    fuse: ClassVar[Fuse]
    start_at: ClassVar[datetime]
    counts: ClassVar[dict[str, int]]

    def __init__(self) -> None:
        super().__init__()
        self.travel = time_machine.travel(type(self).start_at, tick=True)
        self.clock = self.travel.start()
        self.first_day = beijing(now()).date()
        self.orders: list[int] = []
        self.callbacks: list[bytes] = []
        self.campaign_id = make_campaign(make_school(code=f"M{self.first_day:%Y%m%d}")).id

    @initialize(hour=st.integers(0, 23))
    def a_day_at_the_shop(self, hour: int) -> None:
        """Orders in every place where money can be: not begun, opened, paid unheard, paid, and left while paid.

        The hour is drawn, because bills come at ten in the morning: an example played again meets the same clock.
        """
        self.clock.shift(timedelta(hours=hour))
        for _ in range(5):
            self.submit()
        db.session.expunge_all()
        numbers = [payments.start(order_id, "native").out_trade_no for order_id in self.orders[1:]]
        for number in numbers[1:]:
            self.shop.scan_and_pay(number)
        for number in numbers[2:]:
            self.callbacks.append(self.shop.callback(number)[0])
        self.deliver(self.callbacks[0])
        left = db.session.query(Payment).filter_by(out_trade_no=numbers[3]).one()
        left.state, left.order.state = (
            PaymentState.CLOSED.value,
            OrderState.DRAFT.value,
        )  # and the close was never heard
        db.session.commit()

    def do(self, fuse: int | None, act: Callable[[], object]) -> None:
        """Let somebody act, on a process that may die in the middle."""
        self.counts["steps"] += 1
        self.fuse.left = fuse
        try:
            with contextlib.suppress(Fault):
                act()
        except Crash:
            self.counts["crashes"] += 1
        finally:
            self.fuse.left = None
            db.session.remove()

    def order(self, pick: int) -> Order:
        return db.session.get_one(Order, self.orders[pick % len(self.orders)])

    def trades(self) -> list[str]:
        mine = db.session.query(Payment.out_trade_no).filter(Payment.order_id.in_(self.orders)).order_by(Payment.id)
        return [number for (number,) in mine if number in self.shop.state.trades]

    def refund_numbers(self) -> list[str]:
        mine = db.session.query(Refund.out_refund_no).join(Payment).filter(Payment.order_id.in_(self.orders))
        return [number for (number,) in mine.order_by(Refund.id)]

    @rule()
    def submit(self) -> None:
        from app.models import Campaign

        order = make_order(db.session.get_one(Campaign, self.campaign_id), OrderState.PENDING_PAYMENT)
        appid = self.shop.app.config["WECHAT_APPID"]
        db.session.add(Identity(account_id=order.account_id, provider="wechat", appid=appid, openid=f"o-{order.id}"))
        self.orders.append(order.id)
        db.session.commit()

    @precondition(lambda self: self.orders)
    @rule(pick=picks, method=st.sampled_from(["native", "native", "jsapi"]), fuse=fuses)
    def start(self, pick: int, method: str, fuse: int | None) -> None:
        self.do(fuse, lambda: payments.start(self.order(pick).id, method))

    @precondition(lambda self: self.trades())
    @rule(pick=picks)
    def pay(self, pick: int) -> None:
        trades = self.trades()
        self.shop.scan_and_pay(trades[pick % len(trades)])

    @precondition(lambda self: self.orders)
    @rule(pick=picks, copies=st.integers(1, 3), total=st.sampled_from([None, None, None, 1]), fuse=fuses)
    def callback(self, pick: int, copies: int, total: int | None, fuse: int | None) -> None:
        paid = [n for n in self.trades() if self.shop.state.trades[n]["transaction_id"]]
        if paid:
            changes = {} if total is None else {"amount": {"total": total, "currency": "CNY"}}
            body, _ = self.shop.callback(paid[pick % len(paid)], **changes)
            self.callbacks.append(body)
            for _ in range(copies):
                self.do(fuse, lambda: self.deliver(body))

    @precondition(lambda self: self.callbacks)
    @rule(pick=picks, fuse=fuses)
    def an_old_callback_comes_again(self, pick: int, fuse: int | None) -> None:
        self.do(fuse, lambda: self.deliver(self.callbacks[pick % len(self.callbacks)]))

    @precondition(lambda self: self.refund_numbers())
    @rule(pick=picks, word=st.sampled_from([None, None, "PROCESSING", "ABNORMAL"]), fuse=fuses)
    def refund_callback(self, pick: int, word: str | None, fuse: int | None) -> None:
        known = [number for number in self.refund_numbers() if number in self.shop.state.refunds]
        if known:
            changes = {} if word is None else {"refund_status": word}
            body, _ = self.shop.refund_callback(known[pick % len(known)], **changes)
            self.callbacks.append(body)
            self.do(fuse, lambda: self.deliver(body))

    def deliver(self, body: bytes) -> None:
        assert settlement.take_callback(self.shop.signing.headers(body), body) == 204

    @precondition(lambda self: self.orders)
    @rule(pick=picks, act=st.sampled_from(["cancel", "edit", "expire", "waive", "ask"]), fuse=fuses)
    def leave(self, pick: int, act: str, fuse: int | None) -> None:
        order = self.order(pick)
        known = order.account_id or 0, order.number, order.version
        ways: dict[str, Callable[[], object]] = {
            "cancel": lambda: submissions.cancel(*known),
            "edit": lambda: submissions.edit(*known),
            "expire": lambda: expiry.expire(order.id),
            "waive": lambda: payments.waive(order.id, Actor(Role.ADMIN), "资助"),
            "ask": lambda: payments.ask(order.id),
        }
        self.do(fuse, ways[act])

    @precondition(lambda self: self.orders)
    @rule(pick=picks, fuse=fuses)
    def submit_again(self, pick: int, fuse: int | None) -> None:
        order = self.order(pick)
        self.do(fuse, lambda: submissions.submit(order.account_id or 0, order.number, order.version))

    @precondition(lambda self: self.orders)
    @rule(pick=picks, act=st.sampled_from(["close", "refund"]), fuse=fuses)
    def give_back(self, pick: int, act: str, fuse: int | None) -> None:
        order_id = self.order(pick).id
        if act == "close":
            self.do(fuse, lambda: expiry.close(order_id, SYSTEM, "批次结束"))
        else:
            self.do(fuse, lambda: refunds.by_finance(order_id, FINANCE, "申请"))

    @precondition(lambda self: self.refund_numbers())
    @rule(pick=picks, fuse=fuses)
    def finance_tries_again(self, pick: int, fuse: int | None) -> None:
        rows = db.session.query(Refund.id).filter(Refund.out_refund_no.in_(self.refund_numbers())).all()
        self.do(fuse, lambda: refunds.retry(rows[pick % len(rows)][0], FINANCE))

    @rule(
        fault=st.sampled_from(["system_error", "server_error", "server_error_done", "not_enough", "refund_abnormal"]),
        times=st.integers(1, 3),
    )
    def wechat_stumbles(self, fault: str, times: int) -> None:
        self.shop.state.faults[fault] = times

    @rule(minutes=st.sampled_from([1, 3, 30, 125, 1500]))
    def time_passes(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @rule(fuse=fuses)
    def the_sweep_runs(self, fuse: int | None) -> None:
        self.do(fuse, sweep.run)

    @invariant()
    def an_order_is_paid_at_most_once(self) -> None:
        for order_id in self.orders:
            rows = self.payments_of(order_id)
            assert len([row for row in rows if row.state == PaymentState.PAID and not row.refunds]) <= 1
            assert len([row for row in rows if row.state == PaymentState.OPEN]) <= 1
            took = db.session.query(Event.payment_id).filter_by(order_id=order_id, action="pay").all()
            assert len(set(took)) == len(took)
            assert {row.id for row in rows if row.state == PaymentState.PAID} >= {number for (number,) in took}

    @invariant()
    def nobody_pays_without_an_order_or_a_refund_and_no_order_goes_on_unpaid(self) -> None:
        unpaid = (OrderState.DRAFT, OrderState.PENDING_PAYMENT, OrderState.CANCELLED, OrderState.REFUNDED)
        for order_id in self.orders:
            order = db.session.get_one(Order, order_id)
            waived = db.session.query(Event).filter_by(order_id=order_id, action="waive").count()
            assert ledger.is_paid(order_id) == (OrderState(order.state) not in unpaid and not waived), order.state

    @invariant()
    def no_money_without_wechats_word(self) -> None:
        for order_id in self.orders:
            for row in self.payments_of(order_id):
                trade = self.shop.state.trades.get(row.out_trade_no)
                if row.state == PaymentState.PAID:
                    assert trade is not None and trade["transaction_id"] == row.transaction_id
                    assert trade["amount"]["total"] == row.amount_fen
                    callbacks = db.session.query(CallbackLog).filter_by(out_trade_no=row.out_trade_no)
                    took = callbacks.filter(CallbackLog.outcome.in_(["paid", "returned"])).count()
                    assert took == (1 if row.evidence == "callback" else 0)
                for refund in row.refunds:
                    kept = self.shop.state.refunds.get(refund.out_refund_no)
                    if refund.state == RefundState.SUCCEEDED:
                        assert kept is not None and kept["amount"]["refund"] == row.amount_fen

    def payments_of(self, order_id: int) -> list[Payment]:
        return db.session.query(Payment).filter_by(order_id=order_id).all()

    def teardown(self) -> None:
        """In the end, with WeChat well and time enough, nothing hangs and every fen is explained on both sides."""
        try:
            self.shop.state.faults.update(dict.fromkeys(self.shop.state.faults, 0))
            self.let_it_settle()
            for order_id in self.orders:
                self.agrees(order_id)
            self.bills_agree()
        finally:
            type(self).start_at = _midnight() + timedelta(days=1)
            self.travel.stop()
            db.session.remove()

    def let_it_settle(self) -> None:
        """Ten days are enough: up to three rounds until a bill is out, then asking for refunds, and for their end."""
        for _ in range(8):
            self.clock.shift(timedelta(hours=30))
            for row in db.session.query(Refund).filter_by(state=RefundState.FAILED.value).all():
                refunds.retry(row.id, FINANCE)
            sweep.run()
            db.session.remove()

    def agrees(self, order_id: int) -> None:
        ours = theirs = 0
        for row in self.payments_of(order_id):
            assert row.state != PaymentState.OPEN
            trade = self.shop.state.trades.get(row.out_trade_no, {})
            theirs += trade["amount"]["total"] if trade.get("transaction_id") else 0
            ours += row.amount_fen if row.state == PaymentState.PAID else 0
            for refund in row.refunds:
                assert refund.state == RefundState.SUCCEEDED
                ours -= refund.amount_fen
                theirs -= self.shop.state.refunds[refund.out_refund_no]["amount"]["refund"]
        assert ours == theirs, f"order {order_id}: {ours} != {theirs}"
        assert (ours > 0) == ledger.is_paid(order_id)

    def bills_agree(self) -> None:
        day = self.first_day
        while day < beijing(now()).date():
            assert reconciliation.compare(day) == 0, reconciliation.open_differences(day)
            day += timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def machine(
    request: pytest.FixtureRequest, make_app: Any, pay_keys: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Money]]:
    postgresql = request.param == "postgresql"
    more = {"SQLALCHEMY_DATABASE_URI": request.getfixturevalue("postgresql_url")} if postgresql else {}
    shops = _shop(make_app, pay_keys, tmp_path, more)
    Money.shop, Money.fuse, Money.start_at = next(shops), Fuse(monkeypatch), _midnight()
    Money.counts = {"steps": 0, "crashes": 0}
    monkeypatch.setattr(Money.shop.state, "save", lambda: None)
    yield Money
    Money.fuse.remove()
    shops.close()  # type: ignore[attr-defined]


@pytest.mark.timeout(3600 if SOAK else 300)
def test_the_books_agree(machine: type[Money]) -> None:
    examples, steps = (120, 80) if SOAK else (8, 20)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=SOAK,
        ),
    )
    print(f"{machine.counts['steps']} acts, {machine.counts['crashes']} of them cut off by a crash")
    assert machine.counts["crashes"] > 0
