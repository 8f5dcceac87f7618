"""Reasons for rejection: those a new installation starts with, what makes a good one, and how its places are filled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.rules.fields import BY_NAME
from app.rules.messages import LABELS
from app.rules.text import N_

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

PLACES = ("value", "limit")
"""What a text may leave open: the measured value, and the limit that it breaks."""

_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True)
class BuiltIn:
    """One reason: texts say what to do; `target` is photo, code or form:<field>; `check` suggests it."""

    code: str
    label: str
    label_en: str
    text_zh: str
    text_en: str
    target: str
    check: str | None
    hotkey: str | None


def built_in() -> tuple[BuiltIn, ...]:
    """The shipped reasons, in the order in which they are offered."""
    rows = json.loads(Path(__file__).with_name("reasons.json").read_text("utf-8"))
    return tuple(BuiltIn(**row) for row in rows)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its places filled; a place without a value stays, for `open_places` to find."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1]) or match[0], text)


def open_places(text: str) -> list[str]:
    """The places of a text that nothing has filled."""
    return PLACEHOLDER.findall(text)


def faults(values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a reason as edited: field to sentence."""
    needed = ("code", "label", "label_en", "text_zh", "text_en")
    wrong = {name: N_("请填写") for name in needed if not values.get(name, "").strip()}
    rules = (
        ("code", _code(values.get("code", ""))),
        ("label", N_("名称请控制在 12 个字以内") if len(values.get("label", "").strip()) > 12 else ""),
        ("label_en", _label_en(values.get("label_en", "").strip())),
        ("target", _target(values.get("target", ""))),
        ("check_code", N_("请选择已有的检测项") if values.get("check_code", "") not in ("", *LABELS) else ""),
        ("hotkey", N_("快捷键只能是 1 到 9") if not re.fullmatch(r"[1-9]?", values.get("hotkey", "")) else ""),
        ("position", N_("顺序请填整数") if not re.fullmatch(r"\d{0,4}", values.get("position", "")) else ""),
        ("text_zh", _text(values.get("text_zh", ""), han=True)),
        ("text_en", _text(values.get("text_en", ""), han=False)),
    )
    if "limit" in open_places(values.get("text_zh", "") + values.get("text_en", "")) and not values.get("check_code"):
        wrong["check_code"] = N_("使用 {limit} 时请选择检测项，限值由它提供")
    for name, sentence in rules:
        if sentence:
            wrong.setdefault(name, sentence)
    return wrong


def _code(code: str) -> str:
    return "" if re.fullmatch(r"[a-z][a-z0-9_]{1,39}", code) else N_("代码只能包含小写字母、数字和下划线，以字母开头")


def _label_en(label: str) -> str:
    if _HAN.search(label):
        return N_("这里请填写英文")
    return N_("英文名称请控制在 20 个字符以内") if len(label) > 20 else ""


def _target(target: str) -> str:
    kind, _, field = target.partition(":")
    known = target in ("photo", "code") or (kind == "form" and field in BY_NAME)
    return "" if known else N_("请选择原因对应的位置")


def _text(text: str, *, han: bool) -> str:
    """Each language in its own script, long enough to say what to do, and no places but ours."""
    text = text.strip()
    if any(place not in PLACES for place in open_places(text)) or re.search(r"[{}]", PLACEHOLDER.sub("", text)):
        return N_("只能使用占位符 {value}（测得的值）和 {limit}（限值）")
    if bool(_HAN.search(text)) is not han:
        return N_("这里请填写中文") if han else N_("这里请填写英文")
    if len(text) < (6 if han else 15):
        return N_("请写完整：哪里不合格，学生应该怎么做")
    return N_("请控制在 200 个字符以内") if len(text) > 200 else ""
