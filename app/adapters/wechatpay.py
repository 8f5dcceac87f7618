"""WeChat Pay API v3 behind a small interface, over the `wechatpayv3` package in public-key mode.

The package's traps are closed here: it checks no freshness, raises on a missing header and asks the network about an
unknown serial, so serial, type and age are looked at before it sees a notice.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from flask import current_app
from wechatpayv3 import WeChatPay, WeChatPayType

from app.rules.faults import Busy

TIMEOUT = (3, 6)
"""Seconds to connect and to read."""

FRESH_SECONDS = 300
_SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"


class PayError(Exception):
    """WeChat Pay refused a request; `code` is its error code (ORDERPAID, NOT_ENOUGH, …)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Notice:
    """One verified and decrypted callback."""

    id: str
    event_type: str
    resource: Mapping[str, Any]


class Gateway:
    """One merchant at WeChat Pay. Every method raises Busy when WeChat does not answer, PayError when it refuses."""

    def __init__(self, folder: Path, mchid: str, appid: str, base_url: str, notify_url: str) -> None:
        def read(name: str) -> str:
            return (folder / name).read_text().strip()

        self.mchid, self.appid = mchid, appid
        self.public_key_id = read("public_key_id.txt")
        self._client = WeChatPay(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=mchid,
            private_key=read("merchant_key.pem"),
            cert_serial_no=read("merchant_serial.txt"),
            appid=appid,
            apiv3_key=read("apiv3_key.txt"),
            notify_url=notify_url,
            public_key=read("wechatpay_public.pem"),
            public_key_id=self.public_key_id,
            timeout=TIMEOUT,
        )
        self._client._core._gate_way = base_url  # the package knows no setting for it

    def prepay(self, method: str, number: str, fen: int, title: str, expires: datetime, openid: str | None) -> str:
        """Open a payment; the prepay_id (jsapi) or code_url (native)."""
        kind = WeChatPayType.JSAPI if method == "jsapi" else WeChatPayType.NATIVE
        answer = self._call(
            self._client.pay,
            description=title[:40],
            out_trade_no=number,
            amount={"total": fen, "currency": "CNY"},
            payer={"openid": openid} if method == "jsapi" else None,
            time_expire=expires.isoformat(timespec="seconds"),
            pay_type=kind,
        )
        return str(answer["prepay_id" if method == "jsapi" else "code_url"])

    def jsapi_parameters(self, prepay_id: str) -> dict[str, str]:
        """What the page hands to WeChat's own payment dialog, signed."""
        stamp, nonce, package = str(int(time.time())), str(time.time_ns()), f"prepay_id={prepay_id}"
        signature = self._client.sign([self.appid, stamp, nonce, package])
        return {
            "appId": self.appid,
            "timeStamp": stamp,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": signature,
        }

    def query(self, number: str) -> Mapping[str, Any] | None:
        """The transaction as WeChat knows it, None when it knows none."""
        try:
            return self._call(self._client.query, out_trade_no=number)
        except PayError as error:
            if error.code in ("ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"):
                return None
            raise

    def close(self, number: str) -> None:
        """Close an unpaid payment. Raises PayError('ORDERPAID') when it was paid meanwhile."""
        self._call(self._client.close, out_trade_no=number)

    def refund(self, refund_number: str, number: str, fen: int, reason: str) -> Mapping[str, Any]:
        """Ask for a refund in full; the same refund number again is the same refund."""
        amount = {"refund": fen, "total": fen, "currency": "CNY"}
        return self._call(
            self._client.refund, out_refund_no=refund_number, out_trade_no=number, amount=amount, reason=reason[:40]
        )

    def query_refund(self, refund_number: str) -> Mapping[str, Any]:
        """The refund as WeChat knows it."""
        return self._call(self._client.query_refund, out_refund_no=refund_number)

    def trade_bill(self, day: str) -> str:
        """The trade bill of a day (YYYY-MM-DD) as CSV text; empty when there was no trade."""
        try:
            answer = self._call(self._client.trade_bill, bill_date=day)
        except PayError as error:
            if error.code == "NO_STATEMENT_EXIST":
                return ""
            raise
        code, data = self._answer(self._client.download_bill, url=answer["download_url"])
        if code != 200:
            raise PayError("BILL_DOWNLOAD")
        raw = data.encode() if isinstance(data, str) else data
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")

    def verify_notice(self, headers: Mapping[str, str], body: bytes) -> Notice | None:
        """A callback, verified and decrypted; None for everything that is not exactly that."""
        plain = {name.lower(): value for name, value in headers.items()}
        if plain.get("wechatpay-serial") != self.public_key_id:
            return None
        if plain.get("wechatpay-signature-type") != _SIGNATURE_TYPE:
            return None
        stamp = plain.get("wechatpay-timestamp", "")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > FRESH_SECONDS:
            return None
        try:
            data = self._client.callback(plain, body)
            return Notice(str(data["id"]), str(data["event_type"]), dict(data["resource"])) if data else None
        except Exception:  # the package raises bare exceptions for malformed input
            return None

    def _answer(self, function: Any, **values: Any) -> tuple[int, Any]:
        try:
            return function(**values)  # type: ignore[no-any-return]
        except requests.RequestException:
            raise Busy from None
        except Exception as error:  # an answer whose signature is wrong comes as a bare exception
            raise Busy from error

    def _call(self, function: Any, **values: Any) -> Mapping[str, Any]:
        code, text = self._answer(function, **values)
        if 200 <= code < 300:
            return json.loads(text) if text else {}
        try:
            error = str(json.loads(text).get("code", code))
        except (ValueError, TypeError, AttributeError):
            error = str(code)
        if code >= 500 or error in ("SYSTEM_ERROR", "SYSTEMERROR", "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED"):
            raise Busy
        raise PayError(error)


def gateway() -> Gateway:
    """The running app's gateway, opened on first use."""
    found: Gateway | None = current_app.extensions.get("wechatpay")
    if found is None:
        config = current_app.config
        folder = Path(config["WECHATPAY_FOLDER"])
        if config["MODE"] == "demo":
            from app.adapters.demo_keys import ensure

            ensure(folder)
        notify = config["PUBLIC_URL"] + "/wechatpay/notify"
        found = Gateway(folder, config["WECHATPAY_MCHID"], config["WECHAT_APPID"], config["WECHATPAY_API_URL"], notify)
        current_app.extensions["wechatpay"] = found
    return found
