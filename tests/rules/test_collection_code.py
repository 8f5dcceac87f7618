"""Which QR codes are certainly no collection code; whatever is unknown is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.collection_code import other_kind


@pytest.mark.parametrize(
    ("payload", "other"),
    [
        (b"wxp://f2f0abc", True),
        (b"https://u.wechat.com/abc", True),
        (b"HTTP://QR.ALIPAY.COM/X", True),
        (b"BEGIN:VCARD\nFN:x", True),
        (b"WIFI:T:WPA;S:home;;", True),
        (b"https://chsi.com.cn.evil.example/x", True),
        (b"https://my.chsi.com.cn/archive/x", False),
        (b"CHSI-DEMO-000001", False),
        (b"\x00\x01\xff", False),
        (b"", False),
    ],
)
def test_kinds(payload: bytes, other: bool) -> None:
    assert other_kind(payload) is other


@given(st.binary().filter(lambda data: b":" not in data))
def test_an_unknown_payload_is_taken(payload: bytes) -> None:
    assert not other_kind(payload)
