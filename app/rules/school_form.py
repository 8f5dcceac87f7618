"""A school as typed by staff: code, names, campuses, and colleges with their classes, one a line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import chain

from app.rules.fields import FORMULA
from app.rules.text import N_, visible

LONGEST = 60
MOST_LINES = 500


def parse(values: Mapping[str, str]) -> tuple[dict[str, object], dict[str, str]]:
    """The columns of a school, and by field the sentence for what is wrong."""
    wrong: dict[str, str] = {}
    code = unicodedata.normalize("NFKC", values.get("code", "")).strip()
    if not re.fullmatch(r"[0-9]{5}", code):
        wrong["code"] = N_("学校代码为 5 位数字")
    parsed: dict[str, object] = {"code": code, "active": values.get("active") == "1"}
    for name, needed in (("name", True), ("name_en", False)):
        parsed[name] = visible(values.get(name, "")).strip()
        if needed and not parsed[name]:
            wrong[name] = N_("请填写")
        elif fault := _fault(str(parsed[name])):
            wrong[name] = fault
    parsed["campuses"] = campuses = _lines(values.get("campuses", "").replace("\t", "\n"))
    parsed["colleges"] = colleges = read_colleges(values.get("colleges", ""))
    if not campuses:
        wrong["campuses"] = N_("请至少填写一个校区，学生表单中的“所在校别”由此选择")
    for field, names in (("campuses", campuses), ("colleges", [*colleges, *chain(*colleges.values())])):
        faults = [fault for name in names if (fault := _fault(name))]
        if faults or len(names) > MOST_LINES * 10:
            wrong[field] = faults[0] if faults else N_("内容太长，请缩短")
    return parsed, wrong


def _lines(text: str) -> list[str]:
    """Each line once, without what nobody sees in it; tabs, which part the cells of a pasted table, stay."""
    lines = ("\t".join(visible(cell).strip() for cell in line.split("\t")).strip() for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line))


def _fault(text: str) -> str:
    if text.startswith(FORMULA):
        return N_("不能以 = + - @ 开头")
    return N_("内容太长，请缩短") if len(text) > LONGEST else ""


def read_colleges(text: str) -> dict[str, list[str]]:
    """Lines like `文学院: 汉语2301, 汉语2302`, or cells of a table; a college may have several, a class counts once."""
    found: dict[str, list[str]] = {}
    for line in _lines(text):
        line = line.replace("：", ":")
        name, _, classes = line.partition(":" if ":" in line else "\t")
        held = found.setdefault(name.strip(), [])
        for one in re.split(r"[,，、;；\t]", classes):
            if one.strip() and one.strip() not in held:
                held.append(one.strip())
    return {name: classes for name, classes in found.items() if name}


def write_colleges(colleges: Mapping[str, list[str]]) -> str:
    """The lines that `read_colleges` reads."""
    return "\n".join(f"{name}: {', '.join(classes)}" if classes else name for name, classes in colleges.items())
