"""make bench WHAT=money: WeChat Pay callbacks a second over HTTP, each paying an order of its own, on both databases.

Two gunicorn processes as `make run` starts them; callbacks are sealed and signed before the clock starts. SQLite writes
each through to the disk (synchronous FULL); the PostgreSQL server is the tests' own, without fsync.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from app.adapters.clock import now
from app.adapters.demo_keys import ensure
from app.extensions import db
from app.models import CallbackLog, Campaign, Order, Payment
from app.rules.states import OrderState
from app.simulator.signing import Signing
from tests.bench.common import bench_app, say, spread
from tests.browser.conftest import ROOT, free_port, wait_until_up
from tests.factories import make_campaign, make_order, make_school
from tests.pg import Postgres

ORDERS, SENDERS = 200, 8


def main() -> None:
    """SQLite, then PostgreSQL: each order once, every callback a second time, then fifty at once for one order."""
    measure("SQLite", None)
    server = Postgres()
    server.start()
    try:
        measure("PostgreSQL", server.url(server.create()))
    finally:
        server.stop()


def measure(name: str, database: str | None) -> None:
    """One database."""
    with bench_app(database) as (app, folder):
        ensure(folder / "wechatpay")
        campaign = make_campaign(make_school())
        numbers = [_order(campaign) for _ in range(ORDERS)]
        signing = Signing(folder / "wechatpay")
        bodies = [_sealed(signing, number) for number in numbers]
        environment = os.environ | {
            "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
            "REDIS_URL": app.config["REDIS_URL"],
            "CAIXIANG_KEY_FOLDER": app.config["KEY_FOLDER"],
            "WECHATPAY_FOLDER": str(folder / "wechatpay"),
        }
        with _web(environment, folder) as url:
            _send(url, signing, bodies[:20])  # each process has opened its keys
            _report(f"{name}: first callbacks, ms", url, signing, bodies[20:])
            _report(f"{name}: the same again, ms", url, signing, bodies[20:])
            _report(f"{name}: 50 at once for one order, ms", url, signing, [_sealed(signing, numbers[0])] * 50)
        db.session.rollback()
        assert db.session.query(Order).filter_by(state="pending_review").count() == ORDERS
        assert db.session.query(CallbackLog).count() == ORDERS + 1


@contextmanager
def _web(environment: dict[str, str], folder: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--config", "python:app.web", "--bind", f"127.0.0.1:{port}"]
    with (folder / "log").open("wb") as log:
        web = subprocess.Popen([*command, "app:create_app()"], cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_until_up(f"http://127.0.0.1:{port}", 120)
            yield f"http://127.0.0.1:{port}/wechatpay/notify"
        finally:
            web.terminate()
            web.wait()


def _order(campaign: Campaign) -> str:
    order = make_order(campaign, OrderState.PENDING_PAYMENT)
    number = f"BENCH{order.id:08d}"
    db.session.add(Payment(order_id=order.id, out_trade_no=number, method="native", amount_fen=1500, expires_at=now()))
    db.session.commit()
    return number


def _sealed(signing: Signing, number: str) -> bytes:
    resource = {
        "out_trade_no": number, "transaction_id": f"42{number}", "mchid": "1900000001", "appid": "wxdemo0000000001",
        "trade_state": "SUCCESS", "amount": {"total": 1500, "currency": "CNY"},
    }  # fmt: skip
    return signing.sealed("TRANSACTION.SUCCESS", resource)


def _report(what: str, url: str, signing: Signing, bodies: list[bytes]) -> None:
    values, seconds = _send(url, signing, bodies)
    say(what, f"{spread(values)}  {len(bodies) / seconds:.0f}/s")


def _send(url: str, signing: Signing, bodies: list[bytes]) -> tuple[list[float], float]:
    """Milliseconds of each, and seconds in all. The senders are a process of their own."""
    jobs = [[body.decode(), signing.headers(body)] for body in bodies]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(jobs, file)
        file.flush()
        command = [sys.executable, "-m", "tests.bench.money", url, file.name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    values, seconds = json.loads(done.stdout)
    return values, seconds


def send(url: str, jobs: list[tuple[str, dict[str, str]]]) -> tuple[list[float], float]:
    """Post all, eight at a time on kept connections; every one must be taken."""
    sessions = [requests.Session() for _ in range(SENDERS)]

    def lane(number: int) -> list[float]:
        found = []
        for body, headers in jobs[number::SENDERS]:
            start = time.perf_counter()
            answer = sessions[number].post(url, data=body.encode(), headers=headers, timeout=30)
            assert answer.status_code == 204, answer.status_code
            found.append((time.perf_counter() - start) * 1000)
        return found

    start = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        values = [value for part in pool.map(lane, range(SENDERS)) for value in part]
    return values, time.perf_counter() - start


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(send(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))))
    else:
        main()
