"""What a collection code certainly is not. Its payload is opaque to us: nothing here reads an identity out of it."""

from __future__ import annotations

import re

_OTHER_KINDS = re.compile(
    rb"weixin://|wxp://|alipays?://|tel:|mailto:|smsto:|geo:|wifi:|begin:vcard|begin:vevent|mecard:"
    rb"|https?://(?!([a-z0-9-]+\.)*chsi\.com\.cn([/:?#]|$))",
    re.IGNORECASE,
)
"""Payments, contacts, networks, and web addresses that are not 学信网's. The real payload's format is not public, so
whatever is none of these is taken."""


def other_kind(payload: bytes) -> bool:
    """Whether this QR code is certainly another kind than 图像采集码: a payment, a contact, a web address."""
    return _OTHER_KINDS.match(payload.lstrip()) is not None
