"""Many approved orders, each with a rendition, a form, a code and a decision of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from app.demo import portraits
from app.extensions import db
from app.models import CodeImage, Decision, Form, Order, Photo
from app.rules.states import OrderState
from tests.factories import make_campaign, make_order, make_school

BASE = 1000
"""Ids of the copies start behind it; an order's photo, form, code and decision bear its id."""

CHUNK = 500


def seed(count: int, store: Path) -> int:
    """A campaign with `count` approved orders, each with a rendition and a code of its own; returns its id."""
    campaign = make_campaign(make_school())
    first = make_order(campaign, OrderState.PENDING_PRODUCTION)
    picture = portraits.jpeg(portraits.portrait(2, (480, 640)), 88)
    for start in range(1, count, CHUNK):
        _copies(first, range(start, min(start + CHUNK, count)), picture, store)
    own = {"photo_id": Order.id, "form_id": Order.id, "decision_id": Order.id}
    db.session.execute(update(Order).where(Order.id > BASE).values(**own).execution_options(synchronize_session=False))
    db.session.commit()
    return campaign.id


def _copies(first: Order, numbers: range, picture: bytes, store: Path) -> None:
    """These orders: one statement a table, in the order in which they point at each other."""
    same = {name: _values(row) for name, row in {
        "order": first, "photo": first.photo, "form": first.form, "code": first.codes[0],
        "decision": db.session.get_one(Decision, first.decision_id),
    }.items()}  # fmt: skip
    rows: dict[Any, list[dict[str, object]]] = {Order: [], Photo: [], Form: [], CodeImage: [], Decision: []}
    for number in numbers:
        key = BASE + number
        mine = {"id": key, "order_id": key}
        photo, code = f"photos/{key}/rendition.jpg", f"codes/{key}/code.png"
        rendition, payload = _put(store / photo, picture, number), _put(store / code, b"payload", number)
        rows[Order].append(same["order"] | {"id": key, "number": f"BENCH{number:07d}", "account_id": None,
                           "photo_id": None, "form_id": None, "decision_id": None})  # fmt: skip
        rows[Photo].append(same["photo"] | mine | {"rendition_key": photo, "rendition_sha256": rendition})
        rows[Form].append(same["form"] | mine | {"student_no": f"2023{number:07d}", "id_no": f"BENCH{number:07d}"})
        rows[CodeImage].append(same["code"] | mine | {"key": code, "sha256": payload, "payload_sha256": payload})
        rows[Decision].append(same["decision"] | mine | {"photo_id": key, "form_id": key})
    for model, some in rows.items():
        db.session.execute(insert(model), some)
    db.session.commit()


def _values(row: Any) -> dict[str, object]:
    return {column.name: getattr(row, column.name) for column in type(row).__table__.columns}


def _put(path: Path, data: bytes, number: int) -> str:
    """A stored file that no other order has; its SHA-256."""
    data += number.to_bytes(4, "big")
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()
