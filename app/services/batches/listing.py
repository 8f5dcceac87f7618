"""The orders that a batch would take, with everything that is frozen of them: some at a time, never all at once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC

from sqlalchemy import select
from sqlalchemy.orm import joinedload, load_only, selectinload

from app.export.frozen import FrozenItem
from app.export.naming import file_name
from app.extensions import db
from app.models import CodeImage, Decision, Form, Order, Photo
from app.services.batches.finding import eligible

PORTION = 500

Pair = tuple[Order, FrozenItem]

_FORM = (
    Form.name, Form.student_no, Form.id_type, Form.id_no, Form.college, Form.class_name, Form.education_level,
    Form.education_category, Form.campus, Form.school_name,
)  # fmt: skip
_PHOTO = (Photo.no, Photo.rule_id, Photo.rendition_key, Photo.rendition_sha256)
_CODE = (
    CodeImage.order_id, CodeImage.key, CodeImage.suffix, CodeImage.sha256, CodeImage.payload, CodeImage.released_at,
)  # fmt: skip
_ORDER = (
    Order.number, Order.state, Order.version, Order.photo_id, Order.form_id, Order.decision_id, Order.campaign_id,
)  # fmt: skip


def portions(campaign_id: int, kind: str, number: str, naming: str, *, lock: bool = False) -> Iterator[list[Pair]]:
    """The eligible orders of a campaign, each with what a batch of this number would freeze of it.

    File names are as the template gives them: two may be the same. `lock` holds the rows until the transaction ends.
    """
    query = eligible(campaign_id, kind).limit(PORTION).options(
        load_only(*_ORDER),
        joinedload(Order.form).load_only(*_FORM), joinedload(Order.photo).load_only(*_PHOTO),
        selectinload(Order.codes).load_only(*_CODE), joinedload(Order.photo).joinedload(Photo.rule),
    )  # fmt: skip
    if lock:
        query = query.with_for_update(of=Order)  # PostgreSQL; on SQLite the unit holds the database already
    last, position = 0, 1
    while orders := db.session.scalars(query.where(Order.id > last)).all():
        approved = _approval_times([order.decision_id for order in orders])
        items = [_frozen(order, place, approved) for place, order in enumerate(orders, start=position)]
        yield [(order, item.named(_stem(naming, number, item))) for order, item in zip(orders, items, strict=True)]
        last, position = orders[-1].id, position + len(orders)


def _approval_times(ids: Sequence[int | None]) -> dict[int, str]:
    query = select(Decision.id, Decision.at).where(Decision.id.in_(ids))
    found = db.session.execute(query)
    return {decision_id: at.astimezone(UTC).isoformat(timespec="seconds") for decision_id, at in found}


def _stem(naming: str, number: str, item: FrozenItem) -> str:
    """The file's name as the template makes it."""
    return file_name(naming, {
        "id_no": item.id_no,
        "student_no": item.student_no,
        "name": item.name,
        "order_no": item.order_number,
        "school_code": number.split("-")[0],
        "batch": number,
        "code_hash": hashlib.sha256((item.code_payload or item.order_number).encode()).hexdigest()[:24],
        "position": f"{item.position:05d}",
    })  # fmt: skip


def _frozen(order: Order, position: int, approved: dict[int, str]) -> FrozenItem:
    form, photo, code = order.form, order.photo, order.code
    assert form is not None and photo is not None
    payload = code.payload if code is not None else None
    return FrozenItem(
        position=position,
        order_number=order.number,
        photo_no=photo.no,
        name=form.name,
        student_no=form.student_no,
        id_type=form.id_type,
        id_no=form.id_no,
        college=form.college,
        class_name=form.class_name,
        education_level=form.education_level,
        education_category=form.education_category,
        campus=form.campus,
        school_name=form.school_name,
        file_name="",
        rendition_sha256=photo.rendition_sha256 or "",
        code_sha256=code.sha256 if code is not None else None,
        code_suffix=code.suffix if code is not None else None,
        code_payload=base64.b64encode(payload).decode() if payload is not None else None,
        rule=f"{photo.rule.code}/{photo.rule.version}",
        approved_at=approved.get(order.decision_id or 0, ""),
    )
