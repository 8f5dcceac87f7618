"""Photo rules in the database: shipped files are seeded, later versions are made from old ones. Rows never change."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models import Campaign, Rule, Staff
from app.rules import rule_edit
from app.rules.faults import Invalid, NotFound
from app.rules.photo_rule import load_rule_body, rule_from_json
from app.rules.text import N_
from app.services import audit
from app.services.unit import unit_of_work

SHIPPED = ("chsi-2017",)


def body_sha256(body: dict[str, Any]) -> str:
    """SHA-256 of the body's canonical JSON."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def seed_rules() -> None:
    """Make the shipped rules' current bodies known; a changed file becomes a new version."""
    with unit_of_work():
        for code in SHIPPED:
            body = load_rule_body(code)
            sha256 = body_sha256(body)
            if db.session.scalar(select(Rule.id).where(Rule.code == code, Rule.sha256 == sha256)) is None:
                db.session.add(Rule(code=code, version=_next(code), sha256=sha256, body=body))


def latest(code: str = "chsi-2017") -> Rule:
    """The newest version of a rule. Raises NoResultFound before seeding."""
    return db.session.scalars(select(Rule).where(Rule.code == code).order_by(Rule.version.desc()).limit(1)).one()


def _next(code: str) -> int:
    return (db.session.scalar(select(func.max(Rule.version)).where(Rule.code == code)) or 0) + 1


def everything() -> Sequence[tuple[Rule, str, int]]:
    """All versions, by code and newest first, with who made each (empty: shipped) and how many campaigns use it."""
    used = select(Campaign.rule_id, func.count().label("number")).group_by(Campaign.rule_id).subquery()
    query = (
        select(Rule, Staff.name, used.c.number)
        .outerjoin(Staff, Staff.id == Rule.staff_id)
        .outerjoin(used, used.c.rule_id == Rule.id)
        .order_by(Rule.code, Rule.version.desc())
    )
    return [(rule, name or "", number or 0) for rule, name, number in db.session.execute(query)]


def version(code: str, number: int) -> Rule:
    """One version. Raises NotFound."""
    rule = db.session.scalar(select(Rule).where(Rule.code == code, Rule.version == number))
    if rule is None:
        raise NotFound
    return rule


def source(rule: Rule) -> Rule | None:
    """The version that a version was made from, where it was made in the console."""
    return db.session.get(Rule, rule.made_from_id) if rule.made_from_id else None


def users(rule: Rule) -> Sequence[Campaign]:
    """The campaigns whose new photos are judged by this version."""
    query = select(Campaign).where(Campaign.rule_id == rule.id).order_by(Campaign.closes.desc(), Campaign.id.desc())
    return db.session.scalars(query.limit(100)).all()


def draft(source: Rule, texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The body that an edited form describes, and what is wrong with it, by place. Nothing is written."""
    body, wrong = rule_edit.edited(source.body, texts)
    code = texts.get("code", source.code).strip()
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", code) or len(code) > 30:
        wrong["code"] = N_("代码只能包含小写字母、数字和连字符")
    return body | {"code": code}, wrong


def make(source_id: int, texts: Mapping[str, str], staff: Staff) -> Rule:
    """A new version from an old one, or under another code the first of its own. It never changes afterwards.

    Raises Invalid when the edited body is no rule, equals a version that exists, or no cause is given.
    """
    by_id, cause = staff.id, texts.get("cause", "").strip()
    with unit_of_work():
        source = db.session.get_one(Rule, source_id)
        body, wrong = draft(source, texts)
        if len(cause) < 2:
            wrong["cause"] = N_("请填写原因")
        if wrong:
            raise Invalid(fields=wrong)
        sha256 = body_sha256(body)
        same = db.session.scalar(select(Rule.version).where(Rule.code == body["code"], Rule.sha256 == sha256))
        if same is not None:
            raise Invalid(N_("与第 %(n)s 版完全相同，没有需要保存的改动"), n=same)
        rule = Rule(code=body["code"], version=_next(body["code"]), sha256=sha256, body=body, cause=cause[:200])
        rule.made_from_id, rule.staff_id = source_id, by_id
        rule_from_json(body)  # the loader that the checker uses has the last word
        db.session.add(rule)
        db.session.flush()
        audit.note_id(by_id, "rule.made", f"rule-{rule.id}", cause[:200])
    return rule
