"""Schools in the console, and which of them somebody may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models import Campaign, School, Staff
from app.rules import school_form
from app.rules.faults import Invalid, NotFound
from app.rules.text import N_
from app.services import audit
from app.services.unit import unit_of_work


def visible(staff: Staff) -> Sequence[tuple[School, int]]:
    """The schools that this person may see, by code, each with its number of campaigns."""
    count = select(func.count()).where(Campaign.school_id == School.id).scalar_subquery()
    query = select(School, count).order_by(School.code)
    if staff.school_ids:
        query = query.where(School.id.in_(staff.school_ids))
    return [(school, number) for school, number in db.session.execute(query)]


_NAMES = select(School.id, School.code, School.name).order_by(School.name)


def everything() -> Sequence[Any]:
    """Id, code and name of every school, by name."""
    return db.session.execute(_NAMES).all()


def choices(staff: Staff) -> tuple[Sequence[Any], Sequence[Any]]:
    """What a filter offers this person: their schools by name, and the 200 newest campaigns of these.

    Rows of id and name; of schools also the code.
    """
    mine, campaigns = _NAMES, select(Campaign.id, Campaign.name).order_by(Campaign.id.desc()).limit(200)
    if staff.school_ids:
        mine = mine.where(School.id.in_(staff.school_ids))
        campaigns = campaigns.where(Campaign.school_id.in_(staff.school_ids))
    return db.session.execute(mine).all(), db.session.execute(campaigns).all()


def campaign(staff: Staff, code: str) -> Campaign:
    """A campaign that this person may see. Raises NotFound for others."""
    found = db.session.scalar(select(Campaign).where(Campaign.code == code))
    if found is None or not staff.sees(found.school_id):
        raise NotFound(N_("没有这个批次"))
    return found


def within(staff: Staff, school_id: int) -> None:
    """Raises NotFound where somebody is bound to schools and this is none of them."""
    if not staff.sees(school_id):
        raise NotFound


def by_code(code: str) -> School:
    """A school by the ministry's five digits. Raises NotFound."""
    found = db.session.scalar(select(School).where(School.code == code))
    if found is None:
        raise NotFound(N_("没有这个学校代码"))
    return found


def save(values: Mapping[str, str], staff: Staff, code: str = "") -> School:
    """Make a school, or change the one with `code` (which stays). Raises Invalid with a sentence per wrong field."""
    parsed, wrong = school_form.parse(dict(values) | ({"code": code} if code else {}))
    if wrong:
        raise Invalid(fields=wrong)
    with unit_of_work():
        school = db.session.scalar(select(School).where(School.code == parsed["code"]))
        if school is not None and not code:
            raise Invalid(fields={"code": N_("这个学校代码已经存在")})
        school = school or School(code=str(parsed["code"]))
        for name, value in parsed.items():
            setattr(school, name, value)
        db.session.add(school)
        db.session.flush()
        audit.note(staff, "school.saved", f"school-{school.id}")
        return school
