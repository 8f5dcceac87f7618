"""`make bench WHAT=finance`: finance's pages on PostgreSQL with 100,000 payments, and what reads a table whole.

They lie over fourteen months; two in a hundred were given back, each has its callback and its line in WeChat's bill.
"""

from __future__ import annotations

import re
import time
from typing import Any

from flask import g
from flask.testing import FlaskClient

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import BillDay, BillDifference, BillLine, CallbackLog, Order, Payment, Refund
from app.rules.states import OrderState, Role
from tests.bench.common import bench_app, say, spread, timed
from tests.bench.review_seed import BASE, copy, execute, series
from tests.factories import make_campaign, make_order, make_school, make_staff, sign_in
from tests.pg import Postgres
from tests.services.plans import explained, listening

COUNT = 100_000
ROUNDS = 5
BIG = ("payment", "refund", "notify_log", "bill_line", "bill_difference", "order", "event")


def main() -> None:
    """Seed, then one line a page and, under it, what PostgreSQL reads from end to end."""
    server = Postgres()
    server.start()
    try:
        with bench_app(server.url(server.create())) as (app, _):
            app.teardown_request(lambda _error: g.pop("_login_user", None))  # one context for all who ask
            school = make_school()
            start = time.perf_counter()
            _fill(make_order(make_campaign(school), OrderState.PENDING_REVIEW, complete=False))
            say(f"{COUNT} payments seeded, s", f"{time.perf_counter() - start:8.1f}")
            bound = make_school("20002")
            for name, staff in (
                ("finance", make_staff(Role.FINANCE)),
                ("finance of this school", make_staff(Role.FINANCE, school)),
                ("finance of another school", make_staff(Role.FINANCE, bound)),
            ):
                _measure(name, sign_in(app.test_client(), staff), school.id)
    finally:
        server.stop()


def _measure(name: str, client: FlaskClient, school_id: int) -> None:
    today = beijing(now()).date().isoformat()
    for address in (
        "/finance/", "/finance/?state=paid", "/finance/?state=open", f"/finance/?school={school_id}",
        f"/finance/?since={today}", f"/finance/?state=paid&since={today}", f"/finance/?before={BASE + COUNT // 2}",
        f"/finance/?text=P{COUNT // 2}", f"/finance/?text=4200{COUNT // 2}", "/finance/refunds",
        "/finance/refunds?state=open", "/finance/refunds?state=failed", f"/finance/refunds?text=R{COUNT // 2}",
        "/finance/reconciliation", "/finance/reconciliation?show=all", f"/finance/reconciliation?day={today}&show=all",
        "/finance/callbacks", f"/finance/orders/N{COUNT // 2}",
    ):  # fmt: skip
        with listening() as asked:
            assert client.get(address).status_code in (200, 404)
        say(f"{name}: {address}, ms", spread(timed(lambda address=address: client.get(address), ROUNDS)))
        for line in (line for one in asked for line in _whole(*one)):
            print(f"    {line}", flush=True)


def _whole(statement: str, values: Any) -> list[str]:
    """A question's lines that read a big table from end to end, under its beginning; nothing when there is none."""
    lines = explained(statement, values)
    scans = [line for line in lines if any(re.search(f'Seq Scan on "?{name}"? ', line) for name in BIG)]
    return [" ".join(statement.split())[:150], *scans, lines[-1]] if scans else []


def _fill(model: Order) -> None:
    """Orders, payments, refunds, callbacks, bill lines and differences like the first of each."""
    moment = now()
    payment = Payment(order_id=model.id, out_trade_no="P", method="native", amount_fen=1500, state="paid",
                      transaction_id="42", paid_at=moment, evidence="callback", expires_at=moment)  # fmt: skip
    db.session.add(payment)
    db.session.flush()
    db.session.add_all([
        Refund(payment_id=payment.id, out_refund_no="R", amount_fen=1500, cause="申请", state="succeeded",
               settled_at=moment),
        CallbackLog(notify_id="n", event_type="TRANSACTION.SUCCESS", out_trade_no="P", transaction_id="42",
                  amount_fen=1500, outcome="paid"),
        BillLine(day="2026-01-01", kind="payment", number="P", out_trade_no="P", transaction_id="42", amount_fen=1500,
                 status="SUCCESS", at=moment),
        BillDifference(day="2026-01-01", kind="payment_amount", number="P", ours_fen=1500, theirs_fen=1),
    ])  # fmt: skip
    db.session.commit()
    ago, day = _ago("t.created_at"), "to_char(now() - s.n * interval '6 minutes', 'YYYY-MM-DD')"
    copy("order", f"t.id = {model.id}", series(1, COUNT), {
        "number": "'N' || s.n", "account_id": "NULL", "photo_id": "NULL", "form_id": "NULL", "decision_id": "NULL",
    })  # fmt: skip
    copy("payment", f"t.id = {payment.id}", series(1, COUNT), {
        "order_id": f"{BASE} + s.n", "out_trade_no": "'P' || s.n", "transaction_id": "'4200' || s.n",
        "created_at": ago, "paid_at": ago,
    })  # fmt: skip
    copy("refund", "t.out_refund_no = 'R'", series(1, COUNT // 50), {
        "payment_id": f"{BASE} + s.n * 50", "out_refund_no": "'R' || s.n * 50", "created_at": _ago("t.created_at", 50),
        "settled_at": _ago("t.created_at", 50),
    })  # fmt: skip
    copy("notify_log", "t.notify_id = 'n'", series(1, COUNT), {
        "notify_id": "'n' || s.n", "out_trade_no": "'P' || s.n", "transaction_id": "'4200' || s.n", "at": _ago("t.at"),
        "outcome": "CASE WHEN s.n % 5000 = 0 THEN 'wrong_amount' ELSE 'paid' END",
    })  # fmt: skip
    copy("bill_line", "t.number = 'P'", series(1, COUNT), {
        "day": day, "number": "'P' || s.n", "out_trade_no": "'P' || s.n", "at": _ago("t.at"),
    })  # fmt: skip
    copy("bill_difference", "t.number = 'P'", series(1, COUNT // 100), {
        "day": day, "number": "'P' || s.n * 100", "at": _ago("t.at", 100), "staff_id": "NULL",
        "resolved_at": "CASE WHEN s.n % 20 = 0 THEN NULL ELSE t.at END", "note": "'已核对'",
    })  # fmt: skip
    for number in range(31):
        name = f"2026-10-{number + 1:02d}"
        db.session.add(BillDay(day=name, payments=240, payments_fen=360000, refunds=5, refunds_fen=7500, fee_text="1"))
    db.session.commit()
    execute("ANALYZE")


def _ago(column: str, step: int = 1) -> str:
    """Rows lie six minutes apart: 100,000 are fourteen months."""
    return f"{column} - s.n * {step} * interval '6 minutes'"


if __name__ == "__main__":
    main()
