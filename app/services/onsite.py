"""Photos that a studio took on site: matched to orders, checked like any other, submitted for the student."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from app.adapters.storage import storage
from app.extensions import db
from app.models import Campaign, Form, Order, Photo
from app.rules.faults import Fault, Invalid, NotFound
from app.rules.states import EDITABLE, OrderState
from app.rules.text import N_
from app.services.prechecks import queue_check
from app.services.transitions import touch
from app.services.unit import unit_of_work

PICTURES = (".jpg", ".jpeg", ".png", ".heic", ".webp")
LARGEST = 30 * 1024 * 1024


@dataclass(frozen=True)
class Step:
    """One file and the student number it belongs to; empty where nothing tells."""

    campaign_id: int
    path: Path
    student_no: str


def plan(code: str, folder: Path, mapping: Path | None) -> Sequence[Step]:
    """What an import would do, file by file: the map says whose a file is, else its name up to `_` or space."""
    campaign = db.session.scalar(select(Campaign).where(Campaign.code == code))
    if campaign is None:
        raise NotFound(N_("没有这个批次"))
    named = _mapped(mapping) if mapping else {}
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    return [Step(campaign.id, path, named.get(path.name) or _by_name(path)) for path in files]


def _mapped(mapping: Path) -> dict[str, str]:
    rows = list(csv.reader(io.StringIO(mapping.read_text("utf-8-sig"))))
    if any(len(row) < 2 for row in rows if row):
        raise Invalid(N_("对照表每行需要有文件名和学号两列"))
    return {row[0].strip(): row[1].strip() for row in rows if row}


def _by_name(path: Path) -> str:
    return re.split(r"[_\s]", path.stem, maxsplit=1)[0]


def take(step: Step) -> str:
    """Import one photo. Returns imported, already there, unmatched, not editable, or too large. Can be run again."""
    order = find(step.campaign_id, step.student_no)
    if order is None:
        return "unmatched"
    data = step.path.read_bytes()
    if not data or len(data) > LARGEST:
        return "too large"
    digest = hashlib.sha256(data).hexdigest()
    if db.session.scalar(select(Photo.id).where(Photo.order_id == order.id, Photo.original_sha256 == digest)):
        return "already there"
    if OrderState(order.state) not in EDITABLE:
        return "not editable"
    return _keep(order.id, order.number, data, digest)


def find(campaign_id: int, student_no: str) -> Order | None:
    """The live order of a campaign with this student number."""
    return db.session.scalar(
        select(Order)
        .join(Form, Form.id == Order.form_id)
        .where(
            Order.campaign_id == campaign_id,
            Form.student_no == student_no,
            Order.state.not_in((OrderState.CANCELLED.value, OrderState.REFUNDED.value)),
        )
    )


def _keep(order_id: int, number: str, data: bytes, digest: str) -> str:
    stem = f"photos/{number}/{secrets.token_hex(8)}"
    storage().put(f"{stem}-original", data)
    try:
        with unit_of_work() as unit:
            order = db.session.get_one(Order, order_id)
            last = db.session.scalar(select(func.max(Photo.no)).where(Photo.order_id == order_id)) or 0
            photo = Photo(
                order_id=order_id,
                no=last + 1,
                source="onsite",
                original_key=f"{stem}-original",
                original_sha256=digest,
                rule_id=order.rule_id or order.campaign.rule_id,
                background=order.background or order.campaign.background,
                background_policy=order.background_policy or order.campaign.background_policy,
            )
            db.session.add(photo)
            db.session.flush()
            touch(order, photo_id=photo.id)
            queue_check(unit, photo)
    except Fault:
        return "not editable"
    return "imported"
