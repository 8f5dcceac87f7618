"""What a student may see and take away of their own data, and who looked at their photo."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from sqlalchemy import select

from app.adapters.storage import storage
from app.extensions import db
from app.models import Account, Order, Photo, PhotoView, Staff, StudentRequest
from app.rules.fields import FIELDS
from app.rules.text import N_

PURPOSES = {
    "review": N_("审核"),
    "gallery": N_("批量审核"),
    "search": N_("查询"),
    "opened": N_("照片被加载到工作页面"),
    "production": N_("制作"),
    "school": N_("学校查看"),
}


@dataclass(frozen=True)
class Look:
    """Somebody of staff saw a photo."""

    number: str
    photo_no: int
    role: str
    purpose: str
    at: datetime


def photo_views(account_id: int) -> Sequence[Look]:
    """Who opened this student's photos and when, the newest first; staff by role, not by name."""
    rows = db.session.execute(
        select(Order.number, Photo.no, Staff, PhotoView.purpose, PhotoView.at)
        .join(Photo, Photo.id == PhotoView.photo_id)
        .join(Order, Order.id == Photo.order_id)
        .join(Staff, Staff.id == PhotoView.staff_id)
        .where(Order.account_id == account_id)
        .order_by(PhotoView.id.desc())
        .limit(200)
    )
    return [Look(number, no, min(staff.roles, default=""), purpose, at) for number, no, staff, purpose, at in rows]


def archive(account_id: int) -> IO[bytes]:
    """One ZIP with everything: data.json, and the photos and code pictures as uploaded.

    In a temporary file that goes when it is closed: somebody may have sent a hundred photos of 30 MB.
    """
    account = db.session.get_one(Account, account_id)
    orders = db.session.scalars(select(Order).where(Order.account_id == account_id).order_by(Order.id)).all()
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the response that sends it
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
        made.writestr("data.json", json.dumps(_facts(account, orders), ensure_ascii=False, indent=1))
        for order in orders:
            for photo in order.photos:
                _add(made, photo.original_key, f"{order.number}/photo-{photo.no}-original")
                if photo.rendition_key:
                    _add(made, photo.rendition_key, f"{order.number}/photo-{photo.no}.jpg")
            for code in order.codes:
                _add(made, code.key, f"{order.number}/code-{code.id}.{code.suffix}")
    file.seek(0)
    return file


def _add(made: zipfile.ZipFile, key: str, name: str) -> None:
    try:
        made.writestr(name, storage().get(key))
    except FileNotFoundError:  # deleted by retention
        return


def _facts(account: Account, orders: Sequence[Order]) -> dict[str, Any]:
    return {
        "account": {"nickname": account.nickname, "created_at": account.created_at.isoformat()},
        "consents": [
            {"kind": c.kind, "version": c.text_version, "given_at": c.given_at.isoformat(),
             "withdrawn_at": c.withdrawn_at.isoformat() if c.withdrawn_at else None}
            for c in account.consents
        ],
        "orders": [_order(order) for order in orders],
        "requests": [
            {"kind": row.kind, "order": row.order.number if row.order else None, "asked_at": row.asked_at.isoformat(),
             "state": row.state, "answer": row.answer}
            for row in db.session.scalars(select(StudentRequest).where(StudentRequest.account_id == account.id))
        ],
        "photo_views": [
            {"order": look.number, "photo": look.photo_no, "role": look.role, "purpose": look.purpose,
             "at": look.at.isoformat()}
            for look in photo_views(account.id)
        ],
    }  # fmt: skip


def _order(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "school": order.school.name,
        "campaign": order.campaign.name,
        "state": order.state,
        "form": {field.name: getattr(order.form, field.name) for field in FIELDS} if order.form else None,
        "photos": [
            {"no": photo.no, "uploaded_at": photo.created_at.isoformat(), "verdict": photo.verdict,
             "checks": [{"code": c.code, "verdict": c.verdict, "value": c.value} for c in photo.checks
                        if c.code != "duplicate"]}
            for photo in order.photos
        ],
        "events": [{"action": e.action, "to": e.to_state, "at": e.at.isoformat()} for e in order.events],
    }  # fmt: skip
