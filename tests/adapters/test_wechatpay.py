"""WeChat's protocol against our simulator over HTTP, with a public key and with platform certificates."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from app.adapters.clock import now
from app.adapters.wechatpay import Gateway, PayError
from app.adapters.wechatpay_callbacks import CallbackRefused
from app.rules.faults import Busy
from app.simulator.server import build
from app.simulator.signing import Signing
from app.simulator.state import State
from tests.conftest import _served

MCHID, APPID = "1900000001", "wxdemo0000000001"
KEY, CERTIFICATE = "public key", "platform certificate"


class Merchant:
    """A gateway, the simulator it talks to, and the folder with its keys."""

    def __init__(self, mode: str, url: str, wechat: Any, keys: Path, folder: Path) -> None:
        self.mode, self.url = mode, url
        self.state: State = wechat.extensions["state"]
        self.signing: Signing = wechat.extensions["signing"]
        folder.mkdir()
        names = ["merchant_key.pem", "merchant_serial.txt", "apiv3_key.txt"]
        names += ["wechatpay_public.pem", "public_key_id.txt"] if mode == KEY else []
        for name in names:
            shutil.copy(keys / name, folder / name)
        self.folder, self.end = folder, (now() + timedelta(hours=2)).replace(microsecond=0)
        self.gateway = self.again()

    def again(self) -> Gateway:
        """The same merchant in another process."""
        return Gateway(self.folder, MCHID, APPID, self.url, "http://127.0.0.1:1/wechatpay/notify")

    def open(self, number: str, gateway: Gateway | None = None, fen: int = 1500) -> str:
        return (gateway or self.gateway).prepay("native", number, fen, "毕业照", self.end, None)

    def callback(self) -> tuple[dict[str, str], bytes]:
        body = self.signing.sealed("TRANSACTION.SUCCESS", {"out_trade_no": "P1234567"})
        return self.signing.headers(body, certificate=self.mode == CERTIFICATE), body


@pytest.fixture(params=[KEY, CERTIFICATE])
def merchant(request: pytest.FixtureRequest, pay_keys: Path, tmp_path: Path) -> Iterator[Merchant]:
    wechat = build(pay_keys, tmp_path / "simulator.json", "http://127.0.0.1:1")
    with _served(wechat) as url:
        yield Merchant(request.param, url, wechat, pay_keys, tmp_path / "merchant")


def test_open_ask_close(merchant: Merchant) -> None:
    assert merchant.gateway.query("P1234567") is None
    assert merchant.open("P1234567").startswith("weixin://wxpay/")
    found = merchant.gateway.query("P1234567")
    assert found is not None and found["trade_state"] == "NOTPAY"
    merchant.gateway.close("P1234567")
    found = merchant.gateway.query("P1234567")
    assert found is not None and found["trade_state"] == "CLOSED"


def test_a_callback_is_verified_and_opened(merchant: Merchant) -> None:
    merchant.gateway.refresh_certificates()
    callback = merchant.gateway.verify_callback(*merchant.callback())
    assert callback.resource == {"out_trade_no": "P1234567"}


def test_long_texts_are_cut_to_what_wechat_takes(merchant: Merchant) -> None:
    """127 bytes of a title, 80 of a reason: characters outside the plane of most have four."""
    long = "𠮷·䶮" * 60
    merchant.gateway.prepay("native", "P1234567", 1500, long, now() + timedelta(hours=1), None)
    requests.post(f"{merchant.url}/cashier/P1234567", timeout=5)
    assert merchant.gateway.refund("R1234567", "P1234567", 1500, long)["status"] == "PROCESSING"
    kept = merchant.state.trades["P1234567"]["description"], merchant.state.refunds["R1234567"]["reason"]
    assert all(text and long.startswith(text) for text in kept)
    assert [len(text.encode()) for text in kept] == [126, 78]


def test_a_refusal_names_its_code(merchant: Merchant) -> None:
    merchant.open("P1234567")
    requests.post(f"{merchant.url}/cashier/P1234567", timeout=5)
    with pytest.raises(PayError) as error:
        merchant.gateway.close("P1234567")
    assert error.value.code == "ORDERPAID"


@pytest.mark.parametrize("fault", ["system_error", "server_error", "timeout", "server_error_done"])
def test_a_silence_is_busy(merchant: Merchant, fault: str) -> None:
    merchant.state.silence_seconds = 0.0
    merchant.state.faults[fault] = 1
    with pytest.raises(Busy):
        merchant.open("P1234567")
    assert merchant.open("P1234567")


def test_an_answer_that_is_not_wechats_is_not_believed(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    merchant.open("P1234567")
    real = Signing.headers
    monkeypatch.setattr(Signing, "headers", lambda self, body, **more: real(self, body + b" ", **more))
    with pytest.raises(Busy):
        merchant.gateway.query("P1234567")


def test_a_bill_from_another_address_is_not_fetched(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Gateway._call
    evil = {"download_url": "https://example.org/bill", "hash_type": "SHA1", "hash_value": ""}
    monkeypatch.setattr(
        Gateway, "_call", lambda self, f, **v: evil if f.__name__ == "trade_bill" else real(self, f, **v)
    )
    with pytest.raises(PayError) as error:
        merchant.gateway.trade_bill("2026-01-01")
    assert error.value.code == "BILL_ADDRESS"


@pytest.mark.parametrize("data", [b"\x1f\x8bbroken", gzip.compress(b"other", mtime=0)], ids=["broken", "another"])
def test_a_damaged_bill_is_refused(merchant: Merchant, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"download_url": f"{merchant.url}/x", "hash_type": "SHA1", "hash_value": "00"}
    monkeypatch.setattr(Gateway, "_call", lambda *_, **__: answer)
    monkeypatch.setattr(Gateway, "_answer", lambda *_, **__: (200, data))
    with pytest.raises(PayError) as error:
        merchant.gateway.trade_bill("2026-01-01")
    assert error.value.code == "BILL_DAMAGED"


# Certificate mode: the traps of unknown serials


@pytest.fixture
def by_certificate(pay_keys: Path, tmp_path: Path) -> Iterator[Merchant]:
    wechat = build(pay_keys, tmp_path / "simulator.json", "http://127.0.0.1:1")
    with _served(wechat) as url:
        yield Merchant(CERTIFICATE, url, wechat, pay_keys, tmp_path / "merchant")


def test_starting_asks_nobody(by_certificate: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(requests.sessions.Session, "request", refuse)
    with pytest.raises(CallbackRefused, match="serial"):
        by_certificate.again().verify_callback(*by_certificate.callback())


def test_the_sweep_fetches_and_other_processes_read_the_folder(by_certificate: Merchant) -> None:
    web, sweep = by_certificate.again(), by_certificate.again()
    assert sweep.refresh_certificates() == 1
    assert sweep.refresh_certificates() == 0  # half a day has not passed
    assert web.verify_callback(*by_certificate.callback()).id
    assert by_certificate.again().verify_callback(*by_certificate.callback()).id


@pytest.mark.parametrize("serial", ["PUB_KEY_ID_0114232134912410000000000000", "FFFF", "xyz", "0", ""])
def test_an_unknown_serial_is_refused_without_asking(
    by_certificate: Merchant, serial: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_certificate.gateway.refresh_certificates()
    headers, body = by_certificate.callback()
    monkeypatch.setattr(requests.sessions.Session, "request", lambda *_, **__: 1 / 0)
    with pytest.raises(CallbackRefused, match="serial"):
        by_certificate.gateway.verify_callback(headers | {"Wechatpay-Serial": serial}, body)


def test_a_damaged_certificate_file_is_passed_over(by_certificate: Merchant) -> None:
    by_certificate.gateway.refresh_certificates()
    (by_certificate.folder / "certificates" / "0.pem").write_text("half a certif")
    assert by_certificate.again().verify_callback(*by_certificate.callback()).id


def test_while_changing_over_both_are_known(by_certificate: Merchant, pay_keys: Path) -> None:
    by_certificate.gateway.refresh_certificates()
    for name in ("wechatpay_public.pem", "public_key_id.txt"):
        shutil.copy(pay_keys / name, by_certificate.folder / name)
    both, (_, body) = by_certificate.again(), by_certificate.callback()
    for certificate in (True, False):
        assert both.verify_callback(by_certificate.signing.headers(body, certificate=certificate), body).id
