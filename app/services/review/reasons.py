"""Reasons for rejection as rows, and which of them a photo's checks suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, exists, func, select

from app.extensions import db
from app.models import DecisionReason, Reason, ReasonVersion, Staff
from app.rules.faults import Invalid, NotAllowed, NotFound
from app.rules.reasons import built_in, faults
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
                        label_en=reason.label_en,
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


_EVERYTHING = select(Reason).order_by(Reason.active.desc(), Reason.position, Reason.id)


def everything() -> Sequence[Reason]:
    """All reasons, for the console."""
    return db.session.scalars(_EVERYTHING).all()


def get(reason_id: int) -> Reason:
    """One reason. Raises NotFound."""
    found = db.session.get(Reason, reason_id)
    if found is None:
        raise NotFound
    return found


def checks_behind(reason: Reason) -> set[str]:
    """Codes of the checks that a reason is about: its own, and those that RELATED names for it."""
    return {code for code, name in RELATED.items() if name == reason.code} | ({reason.check_code or ""} - {""})


def suggested(offered: Sequence[Reason], failed: set[str]) -> set[str]:
    """Codes of the reasons that these failed checks suggest."""
    return {reason.code for reason in offered if checks_behind(reason) & failed}


def save(values: Mapping[str, str], staff: Staff, reason_id: int | None = None) -> Reason:
    """Make a reason, or change one; its code never changes. Raises Invalid with a sentence per wrong field.

    Earlier versions of what it says are kept; past decisions hold their own copies.
    """
    _for_all_schools(staff)
    by_id = staff.id
    with unit_of_work():
        reason = get(reason_id) if reason_id else None
        values = dict(values) | ({"code": reason.code} if reason else {})
        wrong = faults(values) or _clashes(values, reason)
        if wrong:
            raise Invalid(fields=wrong)
        if reason is None:
            reason = Reason(code=values["code"], label="", text_zh="", text_en="", target="photo", active=True)
            db.session.add(reason)
        elif not _versions(reason.id):
            _keep_version(reason, None)  # what it said before anybody changed it
        _write(reason, values)
        db.session.flush()
        _keep_version(reason, by_id)
        audit.note_id(by_id, "reason.saved", f"reason-{reason.id}", reason.code)
    return reason


def _for_all_schools(staff: Staff) -> None:
    """Raises NotAllowed for somebody who is bound to schools: every school's students read these reasons."""
    if staff.school_ids:
        raise NotAllowed(N_("驳回原因由所有学校共用，只能由负责全部学校的组长或管理员修改"))


def _clashes(values: Mapping[str, str], reason: Reason | None) -> dict[str, str]:
    """What other reasons forbid: a code or key that is taken; and the last one on offer stays on offer."""
    others = [row for row in db.session.scalars(select(Reason)) if reason is None or row.id != reason.id]
    on = [row for row in others if row.active]
    if reason is None and any(row.code == values["code"] for row in others):
        return {"code": N_("该代码已被使用")}
    if values.get("active") != "1":
        return {} if on else {"active": N_("至少要保留一条启用的原因")}
    if values.get("hotkey") and any(row.hotkey == values["hotkey"] for row in on):
        return {"hotkey": N_("该快捷键已被另一条启用的原因使用")}
    return {}


def _write(reason: Reason, values: Mapping[str, str]) -> None:
    reason.label, reason.label_en = values["label"].strip(), values["label_en"].strip()
    reason.target = values["target"]
    reason.text_zh, reason.text_en = values["text_zh"].strip(), values["text_en"].strip()
    reason.check_code, reason.hotkey = values.get("check_code") or None, values.get("hotkey") or None
    reason.position, reason.active = int(values.get("position") or 100), values.get("active") == "1"


def _versions(reason_id: int) -> Sequence[ReasonVersion]:
    return db.session.scalars(
        select(ReasonVersion).where(ReasonVersion.reason_id == reason_id).order_by(ReasonVersion.no.desc())
    ).all()


def _keep_version(reason: Reason, staff_id: int | None) -> None:
    """Note what the reason says now, when it differs from the version before."""
    before = next(iter(_versions(reason.id)), None)
    said = {name: getattr(reason, name) for name in ("label", "label_en", "text_zh", "text_en", "target")}
    if before is None or any(getattr(before, name) != text for name, text in said.items()):
        number = before.no + 1 if before else 1
        db.session.add(ReasonVersion(reason_id=reason.id, no=number, staff_id=staff_id, **said))
        db.session.flush()


def versions(reason_id: int) -> Sequence[tuple[ReasonVersion, str]]:
    """What a reason said over time, the newest first, each with who wrote it (empty: it was shipped)."""
    query = (
        select(ReasonVersion, Staff.name)
        .outerjoin(Staff, Staff.id == ReasonVersion.staff_id)
        .where(ReasonVersion.reason_id == reason_id)
        .order_by(ReasonVersion.no.desc())
    )
    return [(row, name or "") for row, name in db.session.execute(query)]


def uses() -> dict[str, int]:
    """How often each reason was given, by code."""
    query = select(DecisionReason.code, func.count()).group_by(DecisionReason.code)
    return {row[0]: row[1] for row in db.session.execute(query)}


def used(code: str) -> bool:
    """Whether any decision ever gave this reason."""
    return bool(db.session.scalar(select(exists().where(DecisionReason.code == code))))


def remove(reason_id: int, staff: Staff) -> None:
    """Delete a reason that was never given. Raises Invalid for one that was: it can be switched off instead."""
    _for_all_schools(staff)
    by_id = staff.id
    with unit_of_work():
        reason = get(reason_id)
        if used(reason.code):
            raise Invalid(N_("该原因已被使用，不能删除；可以停用"))
        if reason.active and not any(row.active for row in db.session.scalars(select(Reason)) if row.id != reason.id):
            raise Invalid(N_("至少要保留一条启用的原因"))
        db.session.execute(delete(ReasonVersion).where(ReasonVersion.reason_id == reason_id))
        db.session.delete(reason)
        audit.note_id(by_id, "reason.deleted", f"reason-{reason_id}", reason.code)
