"""Fills an empty database with a demo school: some 60 orders in every state, drawn portraits, one delivered batch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import beijing, now
from app.demo.age import age
from app.demo.asking import ask
from app.demo.people import ABSENT, CAMPAIGN_CODE, COLLEGES, Person, people
from app.demo.staff import DEMO_PASSWORD, DEMO_STAFF
from app.demo.story import Story
from app.extensions import db
from app.models import Batch, BatchState, Campaign, RosterEntry, School, Staff
from app.rules.states import Role
from app.services import batches
from app.services.access.staff import create
from app.services.photos.rules import latest, seed_rules
from app.services.review.reasons import seed_reasons
from app.services.transitions import Actor
from app.services.unit import unit_of_work
from workers.checker import Checker

SCHOOL_CODE = "10001"
LAST_YEARS_CODE = "DEMO26"


def fill(say: Callable[[str], None]) -> None:
    """Fill the demo; what an interrupted fill left out is added, a complete demo or a database in use is left alone."""
    if current_app.config["MODE"] == "production":
        raise SystemExit("demo data are for CAIXIANG_MODE=demo")
    seed_rules()
    seed_reasons()
    if _complete():
        say("  the demo school is there already")
        return
    everybody = people()
    say("  filling the demo school, once: about two minutes")
    current, last_year = _campaigns() or _school(everybody)
    _staff()
    reviewer = db.session.scalars(select(Staff).where(Staff.name == "reviewer1")).one().id
    with Checker() as checker:
        for done, person in enumerate(everybody, start=1):
            story = Story(last_year if person.story == "delivered" else current, person, checker, reviewer)
            if not story.begun():
                story.play()
            _tell(say, done, len(everybody))
    age()
    ask(current)
    _deliver(last_year, say)


def _complete() -> bool:
    """The last thing a fill does is to acknowledge a batch; schools without the demo's are somebody's own data."""
    if db.session.scalar(select(Batch.id).where(Batch.state == BatchState.ACKNOWLEDGED.value).limit(1)):
        return True
    return _campaigns() is None and db.session.scalar(select(School.id).limit(1)) is not None


def _campaigns() -> tuple[int, int] | None:
    """The demo's running campaign and last year's, when they are there."""
    found = dict(
        db.session.execute(
            select(Campaign.code, Campaign.id).where(Campaign.code.in_([CAMPAIGN_CODE, LAST_YEARS_CODE]))
        ).all()
    )
    return (found[CAMPAIGN_CODE], found[LAST_YEARS_CODE]) if len(found) == 2 else None


def _staff() -> None:
    there = set(db.session.scalars(select(Staff.name)))
    for name, role, _label in DEMO_STAFF:
        if name not in there:
            create(name, [role.value], [SCHOOL_CODE] if role is Role.SCHOOL else [], DEMO_PASSWORD)


def _tell(say: Callable[[str], None], done: int, total: int) -> None:
    if done == 1 or done % 10 == 0 or done == total:
        say(f"  drawing and checking demo portraits: {done} of {total}")


def _school(everybody: list[Person]) -> tuple[int, int]:
    today = beijing(now()).date()
    with unit_of_work():
        school = School(code=SCHOOL_CODE, name="示例大学", name_en="Example University", colleges=COLLEGES)
        school.campuses = ["主校区", "东校区"]
        db.session.add(school)
        db.session.flush()
        common = {"school_id": school.id, "rule_id": latest().id, "help_phone": "010-12345678", "price_fen": 1500}
        current = Campaign(
            code=CAMPAIGN_CODE, name="2027届毕业生图像采集", opens=today - timedelta(days=20),
            closes=today + timedelta(days=40), **common,
        )  # fmt: skip
        replacing = Campaign(
            code="HOME27", name="2027届散拍（系统替换背景）", opens=today - timedelta(days=20),
            closes=today + timedelta(days=40), background_policy="replace", payer="free", tries=5, **common,
        )  # fmt: skip
        last_year = Campaign(
            code=LAST_YEARS_CODE, name="2026届毕业生图像采集（补采）", opens=today - timedelta(days=200),
            closes=today + timedelta(days=5), payer="school", **common,
        )  # fmt: skip
        db.session.add_all([current, replacing, last_year])
        db.session.flush()
        for person in [*(one for one in everybody if one.story != "delivered"), *ABSENT]:
            db.session.add(
                RosterEntry(
                    campaign_id=current.id, student_no=person.student_no, name=person.name,
                    college=person.college, class_name=person.class_name,
                )
            )  # fmt: skip
        return current.id, last_year.id


def _deliver(campaign_id: int, say: Callable[[str], None]) -> None:
    """Last year's orders leave as both kinds of batch, handed over and acknowledged."""
    producer = db.session.scalars(select(Staff).where(Staff.name == "producer")).one()
    actor = Actor(Role.PRODUCER, producer.id)
    for kind in batches.KINDS:
        mine = select(Batch).where(Batch.campaign_id == campaign_id, Batch.kind == kind)
        batch = db.session.scalar(mine) or batches.freeze(campaign_id, kind, actor)
        if batch is None:
            raise SystemExit("the demo's approved orders are missing")
        number = batch.number
        if batch.state == BatchState.BUILDING.value:
            batches.build(batch.id, lambda done, total: None)
        if batches.by_number(number).state == BatchState.READY.value:
            batches.hand_over(batches.by_number(number).id, actor)
            say(f"  delivered the demo batch {number}")
    liaison = db.session.scalars(select(Staff).where(Staff.name == "school")).one()
    batches.acknowledge(liaison, number, True, "", "")
