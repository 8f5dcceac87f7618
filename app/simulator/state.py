"""What the simulated WeChat knows: codes, trades, refunds, messages, faults. Kept in one JSON file."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

FAULTS = ("lost", "late", "duplicate", "reordered", "tampered", "timeout", "server_error", "system_error")
"""On demand: the first five bend the next callbacks, the others the next answers."""


class State:
    """Dictionaries behind one lock; `save` after every change, so that a restart loses no paid trade."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lock = threading.RLock()
        kept = json.loads(path.read_text()) if path.exists() else {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.trades: dict[str, dict[str, Any]] = kept.get("trades", {})
        self.refunds: dict[str, dict[str, Any]] = kept.get("refunds", {})
        self.messages: list[dict[str, Any]] = kept.get("messages", [])
        self.faults: dict[str, int] = dict.fromkeys(FAULTS, 0)

    def save(self) -> None:
        """Write everything down, all or nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        made = self._path.with_suffix(".tmp")
        made.write_text(json.dumps({"trades": self.trades, "refunds": self.refunds, "messages": self.messages[-200:]}))
        os.replace(made, self._path)

    def take_fault(self, name: str) -> bool:
        """Whether this fault was asked for once more."""
        with self.lock:
            if self.faults[name] <= 0:
                return False
            self.faults[name] -= 1
            return True
