"""Reasons for rejection as rows, and which of them a photo's checks suggest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from app.extensions import db
from app.models import Reason, Staff
from app.rules.faults import Invalid
from app.rules.fields import BY_NAME
from app.rules.reasons import built_in
from app.rules.text import N_
from app.services import audit
from app.services.unit import unit_of_work

RELATED: Mapping[str, str] = {
    "background_colour": "background", "background_uniform": "background", "exposure": "light", "lighting": "light",
    "natural_colour": "light", "roll": "pose", "yaw": "pose", "pitch": "pose", "shoulders": "pose",
    "mouth": "expression", "expression": "expression", "eyes_open": "eyes", "gaze": "eyes", "ears": "covered",
    "glasses": "covered", "headwear": "covered", "occlusion": "covered", "sharpness": "blurred",
    "compression": "blurred", "duplicate": "other_person", "recapture": "retouched", "retouch": "retouched",
}  # fmt: skip
"""Which built-in reason a failed check suggests; a reason's own `check_code` counts too."""

PLACEHOLDER = re.compile(r"\{(\w*)\}")


def seed_reasons() -> None:
    """Make the built-in reasons known once; what staff edited stays."""
    with unit_of_work():
        have = set(db.session.scalars(select(Reason.code)))
        for position, reason in enumerate(built_in()):
            if reason.code not in have:
                db.session.add(
                    Reason(
                        code=reason.code,
                        label=reason.label,
                        text_zh=reason.text_zh,
                        text_en=reason.text_en,
                        target=reason.target,
                        check_code=reason.check,
                        hotkey=reason.hotkey,
                        position=position,
                    )
                )


def active() -> Sequence[Reason]:
    """The reasons on offer, in order."""
    return db.session.scalars(select(Reason).where(Reason.active).order_by(Reason.position, Reason.id)).all()


def everything() -> Sequence[Reason]:
    """All reasons, for the console."""
    return db.session.scalars(select(Reason).order_by(Reason.active.desc(), Reason.position, Reason.id)).all()


def checks_behind(reason: Reason) -> set[str]:
    """Codes of the checks that a reason is about: its own, and those that RELATED names for it."""
    return {code for code, name in RELATED.items() if name == reason.code} | ({reason.check_code or ""} - {""})


def suggested(offered: Sequence[Reason], failed: set[str]) -> set[str]:
    """Codes of the reasons that these failed checks suggest."""
    return {reason.code for reason in offered if checks_behind(reason) & failed}


def save(values: Mapping[str, str], staff: Staff) -> Reason:
    """Make or change a reason. Raises Invalid with a sentence per wrong field."""
    wrong = _wrong(values)
    if wrong:
        raise Invalid(fields=wrong)
    with unit_of_work():
        code = values["code"].strip()
        reason = db.session.scalar(select(Reason).where(Reason.code == code))
        if reason is None:
            reason = Reason(code=code, position=1000)
            db.session.add(reason)
        reason.label, reason.text_zh, reason.text_en = values["label"], values["text_zh"], values["text_en"]
        reason.target, reason.hotkey = values["target"], values.get("hotkey") or None
        reason.active = values.get("active") == "1"
        db.session.flush()
        audit.note(staff, "reason.saved", f"reason-{reason.id}")
    return reason


def _wrong(values: Mapping[str, str]) -> dict[str, str]:
    needed = ("code", "label", "text_zh", "text_en", "target")
    wrong = {name: N_("请填写") for name in needed if not values.get(name, "").strip()}
    if not re.fullmatch(r"[a-z_]{2,40}", values.get("code", "")):
        wrong["code"] = N_("代码只能包含小写字母和下划线")
    target = values.get("target", "")
    if target not in ("photo", "code") and target.removeprefix("form:") not in BY_NAME:
        wrong["target"] = N_("请选择原因对应的位置")
    hotkey = values.get("hotkey", "")
    if hotkey and not re.fullmatch(r"[1-9]", hotkey):
        wrong["hotkey"] = N_("快捷键只能是 1 到 9")
    for name in ("text_zh", "text_en"):
        if any(place != "value" for place in PLACEHOLDER.findall(values.get(name, ""))):
            wrong[name] = N_("只能使用占位符 {value}")
    return wrong
