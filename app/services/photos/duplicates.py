"""The same picture on another person's order: exact copies fail, near copies warn staff only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select

from app.extensions import db
from app.models import Form, Order, Photo, PhotoHash
from app.rules.likeness import Look, alike
from app.rules.report import Check, CheckVerdict
from app.rules.states import LIVE


def duplicate_check(photo: Photo, looks: Sequence[Look]) -> Check:
    """The `duplicate` row for a photo, without saying whose the other is. Inside the unit that stores the photo."""
    order = db.session.get(Order, photo.order_id) if photo.order_id else None
    if _exact(photo, order):
        return Check("duplicate", CheckVerdict.FAIL, fault="same")
    if _near(photo, order, looks):
        return Check("duplicate", CheckVerdict.WARN, fault="similar")
    return Check("duplicate", CheckVerdict.PASS)


def _others(order: Order | None):  # type: ignore[no-untyped-def]
    """Condition: the joined Order is live and another person's."""
    live = Order.state.in_([state.value for state in LIVE])
    if order is None:
        return live
    mine = Order.id == order.id
    if order.account_id is not None:
        mine = or_(mine, Order.account_id == order.account_id)
    form = order.form
    if form is not None:
        mine = or_(mine, Order.form_id.in_(select(Form.id).where(Form.id_hmac == form.id_hmac)))
    return and_(live, ~func.coalesce(mine, False))


def _exact(photo: Photo, order: Order | None) -> bool:
    same = Photo.original_sha256 == photo.original_sha256
    if photo.pixel_sha256:
        same = or_(same, Photo.pixel_sha256 == photo.pixel_sha256)
    query = select(Photo.id).join(Order, Order.id == Photo.order_id).where(same, Photo.id != photo.id, _others(order))
    return db.session.scalar(query.limit(1)) is not None


def _near(photo: Photo, order: Order | None, looks: Sequence[Look]) -> bool:
    """Photos that share a whole band are few in a million; of those all bits are compared, then whose they are."""
    if not looks:
        return False
    parts_of = enumerate(zip(*looks, strict=True))
    hits = or_(*(and_(PhotoHash.band == band, PhotoHash.value.in_(set(values))) for band, values in parts_of))
    candidates = select(PhotoHash.photo_id).where(hits, PhotoHash.photo_id != photo.id)
    hashes: dict[int, dict[int, int]] = {}
    rows = select(PhotoHash.photo_id, PhotoHash.band, PhotoHash.value).where(PhotoHash.photo_id.in_(candidates))
    for photo_id, band, value in db.session.execute(rows):
        hashes.setdefault(photo_id, {})[band] = value
    near = [
        found
        for found, parts in hashes.items()
        if any(alike(look, [parts[band] for band in sorted(parts)]) for look in looks)
    ]
    query = select(Photo.id).join(Order, Order.id == Photo.order_id).where(Photo.id.in_(near), _others(order))
    return bool(near) and db.session.scalar(query.limit(1)) is not None
