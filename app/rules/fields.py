"""The student's form: every field, its rule and its sentence. The page and the server use the same table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from stdnum.cn import ric

from app.rules.text import N_, visible

LEVELS = (N_("博士研究生"), N_("硕士研究生"), N_("第二学士学位"), N_("本科"), N_("专科（高职）"))
CATEGORIES = (N_("普通高等教育"), N_("成人高等教育"), N_("高等教育自学考试"), N_("网络教育"), N_("开放教育"))
ID_TYPES: Mapping[str, str] = {
    "resident_id": N_("居民身份证"),
    "residence_permit": N_("港澳台居民居住证"),
    "hm_permit": N_("港澳居民来往内地通行证"),
    "tw_permit": N_("台湾居民来往大陆通行证"),
    "passport": N_("护照"),
    "permanent_resident": N_("外国人永久居留身份证"),
}

_DOTS = dict.fromkeys(map(ord, "•・‧⋅．.∙●"), "·")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What makes a spreadsheet run a cell; refused here, so that nothing is altered at export."""


@dataclass(frozen=True)
class Field:
    """One input. `keyboard` is HTML's inputmode; `choices` names the pick list, empty for typed fields.

    `masked`: no page shows it whole.
    """

    name: str
    label: str
    required: bool = True
    keyboard: str = "text"
    autocomplete: str = "off"
    longest: int = 50
    choices: str = ""
    hint: str = ""
    masked: bool = False


FIELDS: tuple[Field, ...] = (
    Field("name", N_("姓名"), autocomplete="name"),
    Field("student_no", N_("学号"), keyboard="latin", longest=20),
    Field("id_type", N_("证件类型"), choices="id_types"),
    Field("id_no", N_("证件号"), keyboard="latin", longest=20, masked=True),
    Field("college", N_("专业/院系"), required=False, choices="colleges"),
    Field("class_name", N_("班级"), required=False, choices="classes"),
    Field("education_level", N_("学历"), choices="levels"),
    Field("education_category", N_("学历类别"), choices="categories"),
    Field("campus", N_("所在校别"), choices="campuses"),
    Field("school_name", N_("学校"), choices="schools"),
    Field("email", N_("电子邮箱"), keyboard="email", autocomplete="email", longest=254,
          hint=N_("我们联系您的重要方式之一，请认真填写")),
    Field("phone", N_("联系电话"), keyboard="tel", autocomplete="tel", longest=20, masked=True),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (N_("身份信息"), ("name", "id_type", "id_no")),
    (
        N_("学籍"),
        ("student_no", "college", "class_name", "education_level", "education_category", "campus", "school_name"),
    ),
    (N_("联系方式"), ("email", "phone")),
)
"""How the page groups the fields."""

REQUIRED = N_("请填写%(label)s")


def clean(name: str, text: str) -> str:
    """What somebody meant: full-width digits and letters made plain, spaces trimmed, the dot of names unified."""
    text = visible(text)
    if name == "name":
        text = re.sub(r"\s+", " ", text).strip()
        return text if re.fullmatch(r"[A-Za-z .,'’-]+", text) else text.replace(" ", "").translate(_DOTS)
    if name in BY_NAME and BY_NAME[name].choices:  # what the school wrote stays letter for letter
        return text.strip()
    text = unicodedata.normalize("NFKC", text).strip()
    if name in ("id_no", "student_no", "phone"):
        text = re.sub(r"[\s-]", "", text) if name != "student_no" else re.sub(r"\s", "", text)
    if name == "phone":  # written out: a leading + is what a spreadsheet would run
        text = re.sub(r"^(\+86|0086)(?=1)", "", text)
        text = re.sub(r"^\+", "00", text)
    text = text.upper() if name == "id_no" else text
    return unicodedata.normalize("NFKC", text)  # what a space or a small letter kept apart may join now


def check_form(values: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], dict[str, str]]:
    """The cleaned values, and per wrong field the sentence. `lists` are the campaign's pick lists, by name."""
    cleaned = {field.name: clean(field.name, values.get(field.name, "")) for field in FIELDS}
    wrong = {field.name: fault for field in FIELDS if (fault := check_field(field.name, cleaned, lists))}
    return cleaned, wrong


def check_field(name: str, values: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> str:
    """The sentence for one cleaned field, empty when it is right. The identity number depends on its type."""
    field, text = BY_NAME[name], values.get(name, "")
    if not text:
        return REQUIRED if field.required else ""
    if len(text) > field.longest:
        return N_("内容太长，请缩短")
    if text.startswith(FORMULA):
        return N_("不能以 = + - @ 开头")
    allowed = lists.get(field.choices, ()) if field.choices else ()
    if allowed and text not in allowed:
        return N_("请从列表中选择")
    rule = _RULES.get(name)
    return rule(text, values) if rule else ""


def _name(text: str, _: Mapping[str, str]) -> str:
    if any(unicodedata.category(char)[0] not in "LM" and char not in "·〇 .,'’-" for char in text):
        return N_("姓名中有不能使用的字符，请与证件一致")
    if len(text) < 2 or text.startswith("·") or text.endswith("·"):
        return N_("请填写证件上的完整姓名")
    return ""


def _student_no(text: str, _: Mapping[str, str]) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9-]{2,20}", text) else N_("学号只能包含字母、数字和连字符")


def _id_no(text: str, values: Mapping[str, str]) -> str:
    rule = _ID_RULES.get(values.get("id_type", ""))
    return rule(text) if rule else ""


def _resident(text: str) -> str:
    """GB 11643-1999: 17 digits and a check character; unknown area codes are taken (codes retire)."""
    if not re.fullmatch(r"\d{17}[\dX]", text):
        return N_("身份证号应为 18 位")
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return N_("身份证号中的出生日期不正确")
    if not date(1900, 1, 1) < born < date.today() or ric.calc_check_digit(text) != text[-1]:
        return N_("身份证号有误，请核对每一位")
    return ""


def _residence_permit(text: str) -> str:
    if not text.startswith(("810000", "820000", "830000")):
        return N_("居住证号应以 810000、820000 或 830000 开头")
    return _resident(text)


def _pattern(pattern: str, sentence: str) -> Callable[[str], str]:
    return lambda text: "" if re.fullmatch(pattern, text) else sentence


_ID_RULES: Mapping[str, Callable[[str], str]] = {
    "resident_id": _resident,
    "residence_permit": _residence_permit,
    "hm_permit": _pattern(r"[HM]\d{8}(\d{2})?", N_("通行证号为 H 或 M 加 8 位数字")),
    "tw_permit": _pattern(r"\d{8}(\d{2})?[A-Z]?", N_("通行证号为 8 位数字")),
    "passport": _pattern(r"[A-Z0-9]{5,17}", N_("护照号码只能包含字母和数字")),
    "permanent_resident": _pattern(r"[A-Z]{3}\d{12}|\d{17}[\dX]", N_("永久居留证号为 15 位或 18 位")),
}


def _email(text: str, _: Mapping[str, str]) -> str:
    return (
        "" if re.fullmatch(r"[^\s@,;]+@[^\s@,;]+\.[^\s@,;.]{2,}", text) else N_("邮箱格式不正确，例如 name@example.com")
    )


def _phone(text: str, _: Mapping[str, str]) -> str:
    right = re.fullmatch(r"1[3-9]\d{9}|00[1-9]\d{6,14}", text)
    return "" if right else N_("请填写 11 位手机号码；境外号码以 + 和国家代码开头")


_RULES: Mapping[str, Callable[[str, Mapping[str, str]], str]] = {
    "name": _name,
    "student_no": _student_no,
    "id_no": _id_no,
    "email": _email,
    "phone": _phone,
}


def mask(text: str, *, keep: int = 4) -> str:
    """An identity or phone number as it may be shown: first and last characters only."""
    if len(text) <= keep + 1:
        return "*" * len(text)
    return text[:1] + "*" * (len(text) - keep - 1) + text[-keep:]
