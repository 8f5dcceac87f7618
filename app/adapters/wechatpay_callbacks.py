"""WeChat Pay's callbacks, recognised before anybody believes them.

The `wechatpayv3` package checks no freshness, raises on a missing header, asks the network about an unknown serial and
takes any 32-bit text for a time, so serial, type and age are looked at before it sees a callback.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

FRESH_SECONDS = 300
"""How old a callback may be, and how far ahead its clock: the limit that WeChat sets for our requests."""

_SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
_PROBE = "WECHATPAY/SIGNTEST/"


class CallbackRefused(Exception):
    """A callback that is not exactly what WeChat sends; `why`: serial, type, stale, probe, signature or malformed."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Callback:
    """One verified and decrypted callback."""

    id: str
    event_type: str
    resource: Mapping[str, Any]


def verified(
    headers: Mapping[str, str],
    body: bytes,
    knows: Callable[[str], bool],
    unseal: Callable[[Mapping[str, str], bytes], Any],
) -> Callback:
    """A callback, verified and decrypted. Raises CallbackRefused for everything that is not exactly that.

    `knows` tells a serial of WeChat's; `unseal` checks the signature and decrypts. Never asks the network: an unknown
    serial is refused, WeChat sends again, and `flask sweep` fetches new certificates meanwhile.
    """
    plain = {name.lower(): value for name, value in headers.items()}
    if not knows(plain.get("wechatpay-serial", "")):
        raise CallbackRefused("serial")
    if plain.get("wechatpay-signature-type") != _SIGNATURE_TYPE:
        raise CallbackRefused("type")
    stamp = plain.get("wechatpay-timestamp", "")
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(time.time() - int(stamp)) > FRESH_SECONDS:
        raise CallbackRefused("stale")
    if plain.get("wechatpay-signature", "").startswith(_PROBE):  # WeChat tests whether we verify at all
        raise CallbackRefused("probe")
    try:
        data = unseal(plain, body)
    except Exception:  # the package raises bare exceptions for malformed input
        raise CallbackRefused("malformed") from None
    if not data:
        raise CallbackRefused("signature")
    if not isinstance(data.get("resource"), dict) or not data.get("id") or not data.get("event_type"):
        raise CallbackRefused("malformed")
    return Callback(str(data["id"]), str(data["event_type"]), data["resource"])
