"""Money as people type it: yuan with at most two decimals. Stored in whole fen; no float touches it."""

from __future__ import annotations

import re
import unicodedata

_TYPED = re.compile(r"[¥￥]?(\d{1,6})(?:\.(\d{1,2}))?元?")


def fen(text: str) -> int | None:
    """The fen of `15`, `15.5`, `¥15.00` or `１５元`; None for anything else."""
    found = _TYPED.fullmatch(re.sub(r"\s", "", unicodedata.normalize("NFKC", text)))
    if found is None:
        return None
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def yuan(amount: int) -> str:
    """Fen as yuan with two decimals: 1500 is `15.00`, -50 is `-0.50`."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"
