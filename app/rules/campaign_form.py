"""A campaign as typed by staff: every field, what it may be, and the sentence when it is not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from app.rules.text import N_, visible
from app.rules.yuan import fen

CHOICES: Mapping[str, tuple[str, ...]] = {
    "background": ("blue", "white", "grey"),
    "background_policy": ("keep", "replace"),
    "payer": ("student", "school", "free"),
    "source": ("any", "camera"),
    "paper": ("A4", "6in"),
}
WHOLE: Mapping[str, tuple[int, int]] = {
    "print_width_mm": (20, 60),
    "print_height_mm": (25, 80),
    "review_days": (1, 60),
    "grace_days": (0, 365),
    "last_notice_days": (0, 60),
    "remind_days": (0, 60),
    "retention_days": (1, 3650),
}
"""Whole numbers of a campaign with their least and greatest value."""

KINDS = ("chsi", "diploma")
DEAREST = 100_000  # fen
LEAST_REMIND_DAYS = 3
LONGEST_NAME = 60
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""Days are counted on from a campaign's last: the calendar has to have some left, for all campaigns' retention."""

Values = Mapping[str, str]
Parsed = dict[str, object]
Wrong = dict[str, tuple[str, dict[str, object]]]
"""By field a sentence's key and what fills it."""

DEFAULTS: Mapping[str, object] = {
    "naming": "{id_no}", "kinds": list(KINDS), "print_width_mm": 33, "print_height_mm": 48, "paper": "A4",
    "price": "0.00", "payer": "student", "background": "blue", "background_policy": "keep", "source": "any",
    "review_days": 3, "grace_days": 14, "last_notice_days": 3, "remind_days": 0, "retention_days": 180,
}  # fmt: skip


def parse(values: Values, kinds: Sequence[str], naming_faults: Callable[[str], list[tuple[str, dict[str, str]]]]
          ) -> tuple[Parsed, Wrong]:  # fmt: skip
    """The columns of a campaign, and what is wrong by field. `naming_faults` judges a naming template."""
    parsed: Parsed = {"kinds": [kind for kind in KINDS if kind in kinds]}
    wrong: Wrong = {} if parsed["kinds"] else {"kinds": (N_("请至少选择一种批次"), {})}
    for step in (_texts, _choices, _numbers, _days):
        step(values, parsed, wrong)
    faults = naming_faults(str(parsed["naming"])) if parsed["naming"] else []
    if faults:
        wrong["naming"] = (faults[0][0], dict(faults[0][1]))
    return parsed, wrong


def code(text: str) -> str:
    """A 特征码 as it is stored: plain capitals."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def code_fault(text: str) -> str:
    """The sentence for a 特征码 that cannot be used: it stands in addresses, file names and on posters."""
    right = re.fullmatch(r"[A-Z0-9](?:[A-Z0-9-]{1,18}[A-Z0-9])", text)
    return "" if right else N_("特征码为 3 到 20 位字母、数字或连字符")


def _texts(values: Values, parsed: Parsed, wrong: Wrong) -> None:
    for name in ("name", "help_phone", "naming"):
        parsed[name] = visible(values.get(name, "")).strip()
        if not parsed[name]:
            wrong[name] = (N_("请填写"), {})
        elif len(str(parsed[name])) > LONGEST_NAME:
            wrong[name] = (N_("内容太长，请缩短"), {})
    if "help_phone" not in wrong and not re.fullmatch(r"[0-9+() /、,，转-]{5,60}", str(parsed["help_phone"])):
        wrong["help_phone"] = (N_("咨询电话只能包含数字、空格和连字符"), {})


def _choices(values: Values, parsed: Parsed, wrong: Wrong) -> None:
    for name, allowed in CHOICES.items():
        parsed[name] = values.get(name, allowed[0])
        if parsed[name] not in allowed:
            wrong[name] = (N_("请从列表中选择"), {})


def _numbers(values: Values, parsed: Parsed, wrong: Wrong) -> None:
    for name, (low, high) in WHOLE.items():
        number = whole(values.get(name, ""))
        if number is None or not low <= number <= high:
            wrong[name] = (N_("请填写 %(low)s 到 %(high)s 的整数"), {"low": low, "high": high})
        parsed[name] = number
    if "remind_days" not in wrong and 0 < int(str(parsed["remind_days"])) < LEAST_REMIND_DAYS:
        wrong["remind_days"] = (N_("自动提醒至少间隔 %(days)s 天，0 为不提醒"), {"days": LEAST_REMIND_DAYS})
    parsed["price_fen"] = fen(values.get("price", ""))
    if parsed["price_fen"] is None or int(str(parsed["price_fen"])) > DEAREST:
        wrong["price"] = (N_("价格为 0 到 1000 元，最多两位小数"), {})
    tries = values.get("tries", "").strip()
    parsed["tries"] = whole(tries)
    if tries and not 1 <= (whole(tries) or 0) <= 100:
        wrong["tries"] = (N_("请填写 %(low)s 到 %(high)s 的整数"), {"low": 1, "high": 100})


def whole(text: str) -> int | None:
    """A whole number of up to nine digits, however it is typed; else nothing."""
    text = unicodedata.normalize("NFKC", text).strip()
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _days(values: Values, parsed: Parsed, wrong: Wrong) -> None:
    for name in ("opens", "closes"):
        try:
            parsed[name] = date.fromisoformat(values.get(name, "").strip())
        except ValueError:
            wrong[name] = (N_("日期格式为 2027-03-01"), {})
            continue
        if not FIRST_DAY <= parsed[name] <= LAST_DAY:  # type: ignore[operator]
            wrong[name] = (N_("日期应在 2000 年到 2099 年之间"), {})
    opens, closes = parsed.get("opens"), parsed.get("closes")
    if isinstance(opens, date) and isinstance(closes, date) and opens > closes:
        wrong["closes"] = (N_("结束日期不能早于开始日期"), {})


def next_year(name: str) -> str:
    """Last year's name or code for this year: every four-digit year and a code's last two digits count one up."""
    moved, count = re.subn(r"20\d\d", lambda found: str(int(found[0]) + 1), name)
    if count:
        return moved
    return re.sub(r"\d\d$", lambda found: f"{(int(found[0]) + 1) % 100:02d}", name)


def a_year_later(day: date) -> date:
    """The same day next year; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28)
