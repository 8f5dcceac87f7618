"""WeChat Pay API v3 behind a small interface, over the `wechatpayv3` package.

The package's traps are closed here and in `wechatpay_callbacks`: it has no setting for the address and fetches
certificates in its constructor, so both are set behind its back; the version is pinned.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from flask import current_app
from wechatpayv3 import WeChatPay, WeChatPayType

from app.adapters.wechatpay_callbacks import Callback, verified
from app.adapters.wechatpay_keys import Certificates, merchant_public
from app.rules.faults import Busy, Fault
from app.rules.text import N_

log = logging.getLogger(__name__)

TIMEOUT = (3, 6)
"""Seconds to connect and to read."""

TITLE_BYTES, REASON_BYTES = 127, 80
"""What WeChat takes of a payment's description and of a refund's reason, in UTF-8."""

_TRANSIENT = frozenset({"SYSTEM_ERROR", "SYSTEMERROR", "FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED"})
_UNKNOWN = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})


class PayError(Fault):
    """WeChat Pay refused a request; `code` is its error code (ORDERPAID, NOT_ENOUGH, …)."""

    status = 502
    sentence = N_("微信支付没有接受这次请求（%(code)s），请稍后再试")

    def __init__(self, code: str) -> None:
        super().__init__(code=code)
        self.code = code


class Gateway:
    """One merchant at WeChat Pay. Every method raises Busy when WeChat does not answer, PayError when it refuses.

    With `wechatpay_public.pem` and `public_key_id.txt` in the folder WeChat is recognised by its public key, otherwise
    by the platform certificates kept in `certificates/`; while a merchant changes over, by both.
    """

    def __init__(self, folder: Path, mchid: str, appid: str, base_url: str, notify_url: str) -> None:
        def read(name: str) -> str:
            return (folder / name).read_text().strip()

        self.mchid, self.appid, self._base_url = mchid, appid, base_url.rstrip("/")
        with_key = (folder / "public_key_id.txt").exists()
        self._public_key_id = read("public_key_id.txt") if with_key else None
        self._client = WeChatPay(
            wechatpay_type=WeChatPayType.JSAPI,
            mchid=mchid,
            private_key=read("merchant_key.pem"),
            cert_serial_no=read("merchant_serial.txt"),
            appid=appid,
            apiv3_key=read("apiv3_key.txt"),
            notify_url=notify_url,
            # without any public key the constructor asks the network; the stand-in is taken out again below
            public_key=read("wechatpay_public.pem") if with_key else merchant_public(read("merchant_key.pem")),
            public_key_id=self._public_key_id or "",
            timeout=TIMEOUT,
        )
        core = self._client._core
        core._gate_way = self._base_url
        self._certificates = Certificates(folder / "certificates", core)
        if not with_key:
            core._public_key = core._public_key_id = None

    def prepay(self, method: str, number: str, fen: int, title: str, expires: datetime, openid: str | None) -> str:
        """Open a payment; the prepay_id (jsapi) or code_url (native). The same values again give a fresh one."""
        kind = WeChatPayType.JSAPI if method == "jsapi" else WeChatPayType.NATIVE
        answer = self._call(
            self._client.pay,
            description=_cut(title, TITLE_BYTES),
            out_trade_no=number,
            amount={"total": fen, "currency": "CNY"},
            payer={"openid": openid} if method == "jsapi" else None,
            time_expire=expires.isoformat(timespec="seconds"),
            pay_type=kind,
        )
        return str(answer["prepay_id" if method == "jsapi" else "code_url"])

    def jsapi_parameters(self, prepay_id: str) -> dict[str, str]:
        """What the page hands to WeChat's own payment dialog, signed."""
        stamp, nonce, package = str(int(time.time())), secrets.token_hex(16), f"prepay_id={prepay_id}"
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
            if error.code in _UNKNOWN:
                return None
            raise

    def close(self, number: str) -> None:
        """Close an unpaid payment. Raises PayError('ORDERPAID') when it was paid meanwhile."""
        self._call(self._client.close, out_trade_no=number)

    def refund(self, refund_number: str, number: str, fen: int, reason: str) -> Mapping[str, Any]:
        """Ask for a refund in full; the same refund number again is the same refund."""
        amount = {"refund": fen, "total": fen, "currency": "CNY"}
        return self._call(
            self._client.refund,
            out_refund_no=refund_number,
            out_trade_no=number,
            amount=amount,
            reason=_cut(reason, REASON_BYTES),
        )

    def query_refund(self, refund_number: str) -> Mapping[str, Any]:
        """The refund as WeChat knows it."""
        return self._call(self._client.query_refund, out_refund_no=refund_number)

    def trade_bill(self, day: str) -> str:
        """The trade bill of a day (YYYY-MM-DD) as text; empty when there was no trade. Its digest is checked."""
        try:
            answer = self._call(self._client.trade_bill, bill_date=day)
        except PayError as error:
            if error.code in ("NO_STATEMENT_EXIST", "NO_STATEMENT"):
                return ""
            raise
        url = str(answer.get("download_url", ""))
        if not url.startswith(self._base_url + "/"):  # the package would glue a strange address to its own
            raise PayError("BILL_ADDRESS")
        code, data = self._answer(self._client.download_bill, url=url)
        if code != 200:
            raise Busy
        raw = data.encode() if isinstance(data, str) else data
        try:
            plain = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        except (OSError, EOFError):
            raise PayError("BILL_DAMAGED") from None
        if answer.get("hash_type") != "SHA1" or hashlib.sha1(plain).hexdigest() != answer.get("hash_value", "").lower():
            raise PayError("BILL_DAMAGED")
        return plain.decode("utf-8-sig")

    def refresh_certificates(self) -> int:
        """Fetch the platform certificates again when they are in use and half a day old. Returns how many there are."""
        if self._public_key_id is not None or not self._certificates.due():
            return 0
        self._answer(self._certificates.fetch)
        return len(self._certificates.serials())

    def verify_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """A callback, verified and decrypted. Raises CallbackRefused for everything that is not exactly that."""
        return verified(headers, body, self._knows, self._client.callback)

    def _knows(self, serial: str) -> bool:
        return serial == self._public_key_id or self._certificates.knows(serial)

    def _answer(self, function: Any, **values: Any) -> tuple[int, Any]:
        try:
            return function(**values)  # type: ignore[no-any-return]
        except requests.RequestException as error:
            log.warning("wechatpay_silent call=%s error=%s", function.__name__, type(error).__name__)
            raise Busy from None
        except Exception as error:  # an answer whose signature is wrong comes as a bare exception
            log.error("wechatpay_answer_refused call=%s error=%s", function.__name__, type(error).__name__)
            raise Busy from error

    def _call(self, function: Any, **values: Any) -> Mapping[str, Any]:
        code, text = self._answer(function, **values)
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Busy
        if 200 <= code < 300:
            return answer
        error = str(answer.get("code", code))
        if code >= 500 or code == 429 or error in _TRANSIENT:
            raise Busy
        raise PayError(error)


def _cut(text: str, limit: int) -> str:
    """As much of a text as fits into so many bytes, by whole characters."""
    return text.encode()[:limit].decode(errors="ignore")


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
