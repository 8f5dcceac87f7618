"""Schools and campaigns in the console, and their progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from app.adapters.clock import now
from app.export.frozen import NO_CLASS
from app.export.naming import check_template
from app.extensions import db
from app.models import Campaign, Form, Order, Outbox, RosterEntry, School, Staff
from app.rules.faults import Invalid, NotFound
from app.rules.states import LIVE, OrderState
from app.rules.text import N_
from app.services import audit, rules
from app.services.unit import unit_of_work


@dataclass(frozen=True)
class ClassProgress:
    """How far one class is."""

    college: str
    class_name: str
    expected: int
    states: Mapping[str, int]

    @property
    def started(self) -> int:
        return sum(self.states.values())

    @property
    def approved(self) -> int:
        done = (OrderState.PENDING_PRODUCTION, OrderState.IN_PRODUCTION, OrderState.COMPLETED)
        return sum(self.states.get(state.value, 0) for state in done)


def visible(staff: Staff) -> Sequence[School]:
    """The schools that this person may see."""
    query = select(School).order_by(School.name)
    if staff.school_ids:
        query = query.where(School.id.in_(staff.school_ids))
    return db.session.scalars(query).all()


def campaign(staff: Staff, code: str) -> Campaign:
    """A campaign that this person may see. Raises NotFound for others."""
    found = db.session.scalar(select(Campaign).where(Campaign.code == code))
    if found is None or (staff.school_ids and found.school_id not in staff.school_ids):
        raise NotFound
    return found


def campaigns(staff: Staff) -> Sequence[Campaign]:
    """The campaigns that this person may see, the newest first."""
    query = select(Campaign).order_by(Campaign.opens.desc(), Campaign.id.desc())
    if staff.school_ids:
        query = query.where(Campaign.school_id.in_(staff.school_ids))
    return db.session.scalars(query).all()


def progress(found: Campaign) -> list[ClassProgress]:
    """By college and class: expected by the roster, and orders by state."""
    live = [state.value for state in LIVE]
    rows = db.session.execute(
        select(Form.college, Form.class_name, Order.state, func.count())
        .join(Order, Order.form_id == Form.id)
        .where(Order.campaign_id == found.id, Order.state.in_(live))
        .group_by(Form.college, Form.class_name, Order.state)
    ).all()
    states: dict[tuple[str, str], dict[str, int]] = {}
    for college, name, state, count in rows:
        states.setdefault((college or NO_CLASS, name or NO_CLASS), {})[state] = count
    expected = {
        (college or NO_CLASS, name or NO_CLASS): count
        for college, name, count in db.session.execute(
            select(RosterEntry.college, RosterEntry.class_name, func.count())
            .where(RosterEntry.campaign_id == found.id)
            .group_by(RosterEntry.college, RosterEntry.class_name)
        )
    }
    keys = sorted(set(states) | set(expected))
    return [ClassProgress(*key, expected.get(key, 0), states.get(key, {})) for key in keys]


def missing(found: Campaign, limit: int = 2000) -> Sequence[RosterEntry]:
    """Expected students without an approved or waiting photo."""
    there = (
        select(Form.student_no)
        .join(Order, Order.form_id == Form.id)
        .where(
            Order.campaign_id == found.id,
            Order.state.in_(
                [
                    state.value
                    for state in LIVE - {OrderState.DRAFT, OrderState.REJECTED, OrderState.REVISING}
                    if state is not OrderState.PENDING_PAYMENT
                ]
            ),
        )
    )
    return db.session.scalars(
        select(RosterEntry)
        .where(RosterEntry.campaign_id == found.id, RosterEntry.student_no.not_in(there))
        .order_by(RosterEntry.college, RosterEntry.class_name, RosterEntry.student_no)
        .limit(limit)
    ).all()


def unreachable(found: Campaign) -> Sequence[Order]:
    """Orders whose student got no notice after all attempts."""
    waiting = db.session.scalars(select(Outbox).where(Outbox.sent_at.is_(None), Outbox.attempts > 0)).all()
    ids = {row.ids.get("order") for row in waiting}
    return db.session.scalars(select(Order).where(Order.campaign_id == found.id, Order.id.in_(ids))).all()


FIELDS = ("code", "name", "opens", "closes", "help_phone", "naming")


def save_campaign(values: Mapping[str, str], kinds: Sequence[str], staff: Staff) -> Campaign:
    """Make or change a campaign. Raises Invalid with a sentence per wrong field."""
    with unit_of_work():
        school = db.session.scalar(select(School).where(School.code == values.get("school", "").strip()))
        parsed, wrong = _parsed(values, kinds, school)
        if wrong or school is None:
            raise Invalid(fields=wrong)
        found = db.session.scalar(select(Campaign).where(Campaign.code == parsed["code"]))
        if found is not None and found.school_id != school.id:
            raise Invalid(fields={"code": N_("这个特征码已被使用")})
        if found is None:
            found = Campaign(school_id=school.id, rule_id=rules.latest().id, code=parsed["code"])
            db.session.add(found)
        for name, value in parsed.items():
            setattr(found, name, value)
        db.session.flush()
        audit.note(staff, "campaign.saved", f"campaign-{found.id}")
        return found


CHOICES: Mapping[str, tuple[str, ...]] = {
    "background": ("blue", "white", "grey"),
    "background_policy": ("keep", "replace"),
    "payer": ("student", "school", "free"),
    "source": ("any", "camera"),
    "paper": ("A4", "6in"),
}
WHOLE: Mapping[str, tuple[int, int]] = {
    "price_fen": (0, 100_000),
    "print_width_mm": (20, 60),
    "print_height_mm": (25, 80),
    "review_days": (1, 60),
    "retention_days": (1, 3650),
}
"""Whole numbers of a campaign with their least and greatest value."""


def _parsed(
    values: Mapping[str, str], kinds: Sequence[str], school: School | None
) -> tuple[dict[str, object], dict[str, str]]:
    wrong = {name: N_("请填写") for name in FIELDS if not values.get(name, "").strip()}
    parsed: dict[str, object] = {"kinds": [kind for kind in ("chsi", "diploma") if kind in kinds]}
    for name in ("code", "name", "help_phone", "naming"):
        parsed[name] = values.get(name, "").strip()
    tries = values.get("tries", "").strip()
    parsed["tries"] = int(tries) if tries.isdigit() and int(tries) > 0 else None
    faults = check_template(str(parsed["naming"])) if parsed["naming"] else []
    wrong |= {"naming": faults[0][0]} if faults else {}
    wrong |= {} if school else {"school": N_("没有这个学校代码")}
    wrong |= {} if parsed["kinds"] else {"kinds": N_("请至少选择一种批次")}
    return parsed, wrong | _listed(values, parsed) | _days(values, parsed)


def _listed(values: Mapping[str, str], parsed: dict[str, object]) -> dict[str, str]:
    wrong = {}
    for name, allowed in CHOICES.items():
        parsed[name] = values.get(name, allowed[0])
        if parsed[name] not in allowed:
            wrong[name] = N_("请从列表中选择")
    for name, (low, high) in WHOLE.items():
        text = values.get(name, "")
        if text.isdigit() and low <= int(text) <= high:
            parsed[name] = int(text)
        else:
            wrong[name] = N_("请填写合理范围内的整数")
    return wrong


def _days(values: Mapping[str, str], parsed: dict[str, object]) -> dict[str, str]:
    wrong, days = {}, {}
    for name in ("opens", "closes"):
        try:
            days[name] = date.fromisoformat(values.get(name, ""))
        except ValueError:
            wrong[name] = N_("日期格式为 2027-03-01")
    if len(days) == 2 and days["opens"] > days["closes"]:
        wrong["closes"] = N_("结束日期不能早于开始日期")
    parsed.update(days)
    return wrong


def save_school(values: Mapping[str, str], staff: Staff) -> School:
    """Make or change a school; colleges are lines like `文学院: 汉语2301, 汉语2302`. Raises Invalid."""
    code, name = values.get("code", "").strip(), values.get("name", "").strip()
    if len(code) != 5 or not code.isdigit() or not name:
        raise Invalid(fields={"code": N_("学校代码为 5 位数字，名称必填")})
    with unit_of_work():
        school = db.session.scalar(select(School).where(School.code == code)) or School(code=code)
        school.name, school.name_en = name, values.get("name_en", "").strip()
        school.campuses = [line.strip() for line in values.get("campuses", "").splitlines() if line.strip()]
        school.colleges = dict(_college(line) for line in values.get("colleges", "").splitlines() if line.strip())
        db.session.add(school)
        db.session.flush()
        audit.note(staff, "school.saved", f"school-{school.id}")
        return school


def _college(line: str) -> tuple[str, list[str]]:
    name, _, classes = line.replace("：", ":").partition(":")
    return name.strip(), [one.strip() for one in classes.replace("，", ",").split(",") if one.strip()]


def end_campaign(code: str, staff: Staff) -> None:
    """End a campaign now: what is unfinished is closed by the next sweep, paid money goes back."""
    with unit_of_work():
        found = campaign(staff, code)
        found.closed_at = found.closed_at or now()
        audit.note(staff, "campaign.ended", f"campaign-{found.id}")


def numbers_there(found: Campaign) -> list[str]:
    """Student numbers with a submitted, undropped order."""
    states = [state.value for state in LIVE - {OrderState.DRAFT}]
    return list(
        db.session.scalars(
            select(Form.student_no)
            .join(Order, Order.form_id == Form.id)
            .where(Order.campaign_id == found.id, Order.state.in_(states))
        )
    )
