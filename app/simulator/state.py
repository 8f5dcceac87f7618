"""What the simulated WeChat knows: codes, trades, refunds, messages, faults. Kept in one JSON file."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

FAULTS = {
    "lost": "回调丢失：不发送",
    "late": "回调迟到：5 秒后才发送",
    "duplicate": "回调重复：同一通知发送 3 次",
    "reordered": "回调乱序：压到下一个通知之后（最多 15 秒）",
    "tampered": "回调验签探测：先发送一次错误签名 WECHATPAY/SIGNTEST/",
    "timeout": "请求超时：没有处理，也不应答",
    "unanswered": "应答丢失：已处理，但不应答",
    "server_error": "502：没有处理",
    "server_error_done": "502：已处理",
    "system_error": "SYSTEM_ERROR：没有处理",
    "not_enough": "退款：NOT_ENOUGH 余额不足",
    "refund_abnormal": "退款：ABNORMAL 退款异常",
    "bill_damaged": "账单：内容与摘要不符",
}
"""On demand, so many times each: the first five bend callbacks, the next five answers, the last three as named."""


class State:
    """Dictionaries behind one lock; `save` after every change, so that a restart loses no paid trade."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lock = threading.RLock()
        self.ended = threading.Event()  # from then on no callback is sent again
        kept = json.loads(path.read_text()) if path.exists() else {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.trades: dict[str, dict[str, Any]] = kept.get("trades", {})
        self.refunds: dict[str, dict[str, Any]] = kept.get("refunds", {})
        self.messages: list[dict[str, Any]] = kept.get("messages", [])
        self.scenes: list[str] = kept.get("scenes", [])
        self.faults: dict[str, int] = dict.fromkeys(FAULTS, 0)
        self.held: list[tuple[str, bytes]] = []
        self.silence_seconds = 8.0
        self.signs_with_certificate = False

    def save(self) -> None:
        """Write everything down, all or nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        made = self._path.with_suffix(".tmp")
        kept = {"trades": self.trades, "refunds": self.refunds, "messages": self.messages[-200:], "scenes": self.scenes}
        made.write_text(json.dumps(kept))
        os.replace(made, self._path)

    def take_fault(self, name: str) -> bool:
        """Whether this fault was asked for once more."""
        with self.lock:
            if self.faults[name] <= 0:
                return False
            self.faults[name] -= 1
            return True
