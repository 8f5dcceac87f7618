"""The reasons a new installation starts with; staff edit them in the console. `{value}` is filled with the measure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BuiltIn:
    """One reason: texts say what to do; `target` is photo, code or form:<field>; `check` suggests it."""

    code: str
    label: str
    text_zh: str
    text_en: str
    target: str
    check: str | None
    hotkey: str | None


def built_in() -> tuple[BuiltIn, ...]:
    """The shipped reasons, in the order in which they are offered."""
    rows = json.loads(Path(__file__).with_name("reasons.json").read_text("utf-8"))
    return tuple(BuiltIn(**row) for row in rows)
