"""make bench WHAT=money: WeChat Pay callbacks a second over HTTP, each paying an order of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from app.adapters.demo_keys import ensure
from app.extensions import db
from app.models import Order, Payment
from app.rules.states import OrderState
from app.simulator.signing import Signing
from tests.bench.common import bench_app, say, spread
from tests.browser.conftest import ROOT, free_port, wait_until_up
from tests.factories import make_campaign, make_order, make_school

ORDERS = 200


def main() -> None:
    """Two web processes on SQLite; four senders."""
    port = free_port()
    with bench_app() as (app, folder):
        ensure(folder / "wechatpay")
        campaign = make_campaign(make_school())
        numbers = [_order(campaign) for _ in range(ORDERS)]
        environment = os.environ | {
            "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
            "REDIS_URL": app.config["REDIS_URL"],
            "CAIXIANG_KEY_FOLDER": app.config["KEY_FOLDER"],
            "WECHATPAY_FOLDER": str(folder / "wechatpay"),
        }
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"]
        with (folder / "log").open("wb") as log:
            web = subprocess.Popen([*command, "app:create_app()"], cwd=ROOT, env=environment, stdout=log, stderr=log)
            try:
                wait_until_up(f"http://127.0.0.1:{port}")
                _send(f"http://127.0.0.1:{port}/wechatpay/notify", numbers, folder / "wechatpay")
            finally:
                web.terminate()
                web.wait()
        db.session.rollback()
        assert db.session.query(Order).filter_by(state="pending_review").count() == ORDERS


def _order(campaign: object) -> str:
    order = make_order(campaign, OrderState.PENDING_PAYMENT)  # type: ignore[arg-type]
    number = f"BENCH{order.id:08d}"
    db.session.add(
        Payment(order_id=order.id, out_trade_no=number, method="native", amount_fen=1500, expires_at=order.state_since)
    )
    db.session.commit()
    return number


def _send(url: str, numbers: list[str], keys: Path) -> None:
    signing = Signing(keys)

    def one(number: str) -> float:
        resource = {
            "out_trade_no": number, "transaction_id": f"42{number}", "mchid": "1900000001", "appid": "wxdemo0000000001",
            "trade_state": "SUCCESS", "amount": {"total": 1500, "currency": "CNY"},
        }  # fmt: skip
        body = signing.sealed("TRANSACTION.SUCCESS", resource)
        start = time.perf_counter()
        answer = requests.post(url, data=body, headers=signing.headers(body), timeout=30)
        assert answer.status_code == 204, answer.status_code
        return (time.perf_counter() - start) * 1000

    start = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(one, numbers))
    say("callbacks, ms", f"{spread(values)}  {len(numbers) / (time.perf_counter() - start):.0f}/s")


if __name__ == "__main__":
    main()
