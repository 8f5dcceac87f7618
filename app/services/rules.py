"""Photo rules in the database: shipped files are seeded, later versions are made from old ones. Rows never change."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import func, select

from app.extensions import db
from app.models import Rule
from app.rules.photo_rule import load_rule_body
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
