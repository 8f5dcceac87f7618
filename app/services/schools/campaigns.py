"""Campaigns in the console: make, change, copy last year's, and what their file names will look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from app.export.naming import check_template, file_name
from app.extensions import db
from app.models import Campaign, Rule, School, Staff
from app.rules import campaign_form
from app.rules.campaign_form import Wrong
from app.rules.faults import Invalid
from app.rules.text import N_
from app.rules.yuan import yuan
from app.services import audit, queue_place
from app.services.photos import rules
from app.services.schools import schools
from app.services.unit import unit_of_work

PAGE = 50


def listed(staff: Staff, text: str = "", page: int = 1) -> tuple[Sequence[Campaign], int]:
    """One page of the campaigns that this person may see, the newest first, and how many there are."""
    query = select(Campaign).join(School)
    if staff.school_ids:
        query = query.where(Campaign.school_id.in_(staff.school_ids))
    if text.strip():
        wanted = text.strip()
        named = [column.contains(wanted, autoescape=True) for column in (Campaign.name, School.name)]
        query = query.where(named[0] | named[1] | (Campaign.code == wanted.upper()) | (School.code == wanted))
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = query.order_by(Campaign.opens.desc(), Campaign.id.desc()).limit(PAGE).offset((page - 1) * PAGE)
    return db.session.scalars(rows).all(), total


def known_rules() -> Sequence[Rule]:
    """Every rule version, the newest first."""
    return db.session.scalars(select(Rule).order_by(Rule.code, Rule.version.desc())).all()


def values_of(found: Campaign) -> dict[str, Any]:
    """A campaign as its form shows it."""
    columns = {column.name: getattr(found, column.name) for column in Campaign.__table__.columns}
    return columns | {"school": found.school.code, "price": yuan(found.price_fen), "rule": found.rule_id}


def copied(found: Campaign) -> dict[str, Any]:
    """Last year's campaign as a start for this year's: a year later, the next code and name, the newest rule."""
    return values_of(found) | {
        "code": _free(campaign_form.next_year(found.code)),
        "name": campaign_form.next_year(found.name),
        "opens": campaign_form.a_year_later(found.opens),
        "closes": campaign_form.a_year_later(found.closes),
        "rule": rules.latest(found.rule.code).id,
    }


def _free(code: str) -> str:
    """This code, or with a number behind it where it is taken: schools copy a campaign more than once."""
    codes = [code, *(f"{code[:17]}-{number}" for number in range(2, 100))]
    taken = set(db.session.scalars(select(func.upper(Campaign.code)).where(func.upper(Campaign.code).in_(
        [one.upper() for one in codes]
    ))))  # fmt: skip
    return next((one for one in codes if one.upper() not in taken), code)


def blank() -> dict[str, Any]:
    """A new campaign's form."""
    return dict(campaign_form.DEFAULTS) | {"rule": rules.latest().id}


def judge(values: Mapping[str, str], kinds: Sequence[str], code: str = "") -> tuple[dict[str, object], Wrong]:
    """The columns that a form makes, and what is wrong with it by field. `code` is the campaign being changed."""
    parsed, wrong = campaign_form.parse(values, kinds, check_template)
    school = db.session.scalar(select(School).where(School.code == values.get("school", "")))
    chosen = campaign_form.whole(values.get("rule", ""))
    rule = db.session.get(Rule, chosen) if chosen is not None else None
    if not code:
        parsed["code"] = campaign_form.code(values.get("code", ""))
        fault = campaign_form.code_fault(str(parsed["code"]))
        taken = not fault and db.session.scalar(select(Campaign.id).where(func.upper(Campaign.code) == parsed["code"]))
        if fault or taken:
            wrong["code"] = (fault or N_("这个特征码已被使用"), {})
        if school is None:
            wrong["school"] = (N_("没有这个学校代码"), {})
        else:
            parsed["school_id"] = school.id
    if rule is None:
        wrong["rule"] = (N_("请从列表中选择"), {})
    else:
        parsed["rule_id"] = rule.id
    return parsed, wrong


def save(values: Mapping[str, str], kinds: Sequence[str], staff: Staff, code: str = "") -> Campaign:
    """Make a campaign, or change the one with `code` (its school and code stay: they are on posters and batches).

    Submitted orders keep the price, rule and background that they were submitted under. Raises Invalid by field.
    """
    with unit_of_work():
        parsed, wrong = judge(values, kinds, code)
        if wrong:
            raise Invalid(fields={name: sentence for name, (sentence, _) in wrong.items()})
        found = schools.campaign(staff, code) if code else Campaign()
        for name, value in parsed.items():
            setattr(found, name, value)
        db.session.add(found)
        db.session.flush()
        queue_place.promised(found)
        audit.note(staff, "campaign.saved", f"campaign-{found.id}")
        return found


SAMPLES: Sequence[Mapping[str, str]] = (
    {"name": "王小明", "student_no": "2023000001", "id_no": "11010520040101001X"},
    {"name": "阿依古丽·买买提", "student_no": "2023000002", "id_no": "650102200402020023"},
    {"name": "𠮷田䶮", "student_no": "2023000003", "id_no": "H12345678"},
)
"""Made-up people for the preview of file names."""


def name_samples(template: str, school_code: str, code: str) -> tuple[list[str], tuple[str, dict[str, Any]] | None]:
    """What a naming template makes of three people, or what is wrong with it."""
    faults = check_template(template)
    if faults:
        return [], (faults[0][0], dict(faults[0][1]))
    common = {"school_code": school_code or "10001", "batch": f"{school_code or '10001'}-{code or 'CODE'}-X001"}
    made = []
    for position, person in enumerate(SAMPLES, start=1):
        own = {"position": f"{position:05d}", "order_no": f"A2B3C4D5E6F{position}", "code_hash": f"{position:024x}"}
        made.append(f"{file_name(template, {**person, **common, **own})}.jpg")
    return made, None
