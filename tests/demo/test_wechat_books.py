"""The demo's payments stand in the simulator's books, so that finance can refund and reconcile them."""

from __future__ import annotations

from pathlib import Path

from app.demo import wechat_books
from app.extensions import db
from app.models import Payment
from app.rules.bill import parse, summary_faults
from app.services.money import refunds
from app.services.money.settlement import settle
from app.services.unit import unit_of_work
from app.simulator.bill import bill_text
from app.simulator.pay import transaction
from app.simulator.protocol import beijing_time
from app.simulator.state import State
from tests.conftest import Shop
from tests.services.money import opened


def test_a_demo_payment_and_its_refund_are_on_wechats_bill(shop: Shop) -> None:
    _, number = opened()
    told = transaction(shop.state.trades[number] | {"transaction_id": "42demo"})
    told |= {"trade_state": "SUCCESS", "success_time": beijing_time()}
    wechat_books.paid(told)
    assert settle(told, "query") == "paid"
    with unit_of_work() as unit:
        refund = refunds.request(unit, db.session.query(Payment).filter_by(out_trade_no=number).one(), "演示")
    wechat_books.refunded(refund)
    shop.wechat.extensions["state"] = State(Path(shop.app.instance_path) / "simulator.json")
    with shop.wechat.app_context():
        bill = parse(bill_text(beijing_time()[:10]))
    assert [(line.kind, line.fen) for line in bill.lines] == [("payment", 1500), ("refund", 1500)]
    assert (bill.strange, summary_faults(bill)) == ([], [])
