"""The simulator keeps WeChat's rules, plays its faults, and is refused in production."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
import requests

from app import config
from app.adapters.demo_keys import ensure
from app.simulator import callbacks
from tests.conftest import Shop
from tests.services.money import later, opened, payment


class Receiver:
    """Somebody who takes callbacks: bodies and signatures in the order of their coming."""

    def __init__(self) -> None:
        self.came: list[tuple[str, str]] = []
        self.answer = 204
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                owner.came.append((body, self.headers["Wechatpay-Signature"]))
                self.send_response(401 if "SIGNTEST" in owner.came[-1][1] else owner.answer)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notify"
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def wait(self, count: int) -> list[tuple[str, str]]:
        end = monotonic() + 5
        while len(self.came) < count and monotonic() < end:
            sleep(0.01)
        return self.came


@pytest.fixture
def receiver(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(callbacks, "RETRIES", (0.0, 0.05, 0.05))
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def pay(shop: Shop, receiver: Receiver, **faults: int) -> str:
    _, number = opened()
    shop.state.trades[number]["notify_url"] = receiver.url
    shop.state.faults.update(faults)
    assert "支付成功" in requests.post(f"{shop.url}/cashier/{number}", timeout=5).text
    return number


def test_a_callback_is_repeated_until_it_is_taken(shop: Shop, receiver: Receiver) -> None:
    receiver.answer = 500
    pay(shop, receiver)
    came = receiver.wait(2)
    assert came[0][0] == came[1][0] and came[0][1] != came[1][1]  # the same notice, signed anew


def test_lost(shop: Shop, receiver: Receiver) -> None:
    pay(shop, receiver, lost=1)
    sleep(0.2)
    assert receiver.came == []


def test_duplicate(shop: Shop, receiver: Receiver) -> None:
    pay(shop, receiver, duplicate=1)
    assert len({body for body, _ in receiver.wait(3)}) == 1 and len(receiver.came) == 3


def test_tampered_is_a_probe_and_then_the_genuine_one(shop: Shop, receiver: Receiver) -> None:
    pay(shop, receiver, tampered=1)
    signatures = [signature for _, signature in receiver.wait(2)]
    assert signatures[0].startswith("WECHATPAY/SIGNTEST/") and "SIGNTEST" not in signatures[1]


def test_late(shop: Shop, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(callbacks, "_in_background", lambda *values: waits.append(values[4]))
    pay(shop, receiver, late=1)
    assert waits == [5.0]


def test_reordered_comes_after_the_next(shop: Shop, receiver: Receiver) -> None:
    from tests.factories import make_school

    make_school("99999")
    pay(shop, receiver, reordered=1)
    sleep(0.1)
    assert receiver.came == []
    pay(shop, receiver)
    assert len({body for body, _ in receiver.wait(2)}) == 2


def test_a_trade_ends_with_its_time_and_a_handle_after_two_hours(shop: Shop) -> None:
    _, number = opened()
    with later(hours=3):
        assert requests.post(f"{shop.url}/cashier/{number}", timeout=5).status_code == 409
    assert shop.state.trades[number]["trade_state"] == "CLOSED"
    assert payment(number).state == "open"


def test_an_unsigned_request_is_refused(shop: Shop) -> None:
    _, number = opened()
    answer = requests.get(f"{shop.url}/v3/pay/transactions/out-trade-no/{number}?mchid=1900000001", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, "SIGN_ERROR")


def test_its_page_says_that_it_is_not_wechat_and_sets_faults(shop: Shop) -> None:
    page = requests.get(shop.url, timeout=5).text
    assert "本页不是微信" in page
    for name in shop.state.faults:
        assert f'name="{name}"' in page
    form = {"duplicate": "2", "signs_with": "certificate"}
    requests.post(f"{shop.url}/faults", data=form, timeout=5)
    assert (shop.state.faults["duplicate"], shop.state.signs_with_certificate) == (2, True)


PRODUCTION = {
    "CAIXIANG_MODE": "production", "WECHAT_APPID": "wx1", "WECHAT_SECRET": "s", "WECHATPAY_MCHID": "1",
    "CAIXIANG_PUBLIC_URL": "https://photo.example.edu.cn",
}  # fmt: skip


@pytest.mark.parametrize("name", ["WECHATPAY_API_URL", "WECHAT_API_URL", "WECHAT_OPEN_URL"])
@pytest.mark.parametrize(
    "url",
    ["http://api.mch.weixin.qq.com", "https://127.0.0.1:8001", "https://localhost", "https://[::1]:8001", "https://"],
)
def test_production_refuses_the_simulators_address(tmp_path: Path, name: str, url: str) -> None:
    assert config.load(tmp_path, PRODUCTION)["SIMULATOR_URL"] is None
    assert "photo.example.edu.cn" in config.load(tmp_path, PRODUCTION)["TRUSTED_HOSTS"]
    with pytest.raises(config.BadSetting, match=name):
        config.load(tmp_path, PRODUCTION | {name: url})


def test_production_refuses_the_simulators_keys(tmp_path: Path) -> None:
    ensure(tmp_path / "wechatpay")
    with pytest.raises(config.BadSetting, match="simulator's keys"):
        config.load(tmp_path, PRODUCTION)


def test_production_does_not_start_the_simulator(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.simulator"],
        env=PRODUCTION | {"WECHATPAY_FOLDER": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0 and "the simulator is for CAIXIANG_MODE=demo" in done.stderr
