"""Retention: what is past its campaign's days is deleted; money and history are kept, without faces."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from app.adapters.clock import beijing, now
from app.adapters.storage import storage
from app.extensions import db
from app.models import Campaign, CodeImage, Form, Order, Photo
from app.rules.states import OrderState
from app.services.unit import unit_of_work

FINISHED = (OrderState.COMPLETED.value, OrderState.CANCELLED.value, OrderState.REFUNDED.value)
GONE = "deleted"


def purge(*, dry_run: bool = False, limit: int = 100_000) -> dict[str, int]:
    """Delete originals, previews, renditions, codes and identities of finished orders past retention.

    Orders, events and payments stay: they hold no face and no identity number afterwards. Can be run again.
    """
    orders = [order for order in _finished(limit) if _has_files(order)]
    counts = {"orders": len(orders), "photos": 0, "codes": 0}
    for order_id in [order.id for order in orders]:
        photos, codes = _purge_order(order_id, dry_run=dry_run)
        counts["photos"] += photos
        counts["codes"] += codes
    return counts


def _finished(limit: int) -> list[Order]:
    today = beijing(now()).date()
    due = [
        campaign.id
        for campaign in db.session.scalars(select(Campaign))
        if campaign.closes + timedelta(days=campaign.retention_days) < today
    ]
    query = select(Order).where(Order.campaign_id.in_(due), Order.state.in_(FINISHED)).limit(limit)
    return list(db.session.scalars(query))


def _has_files(order: Order) -> bool:
    return any(photo.original_key != GONE for photo in order.photos) or any(code.key != GONE for code in order.codes)


def _purge_order(order_id: int, *, dry_run: bool) -> tuple[int, int]:
    photos = db.session.scalars(select(Photo).where(Photo.order_id == order_id, Photo.original_key != GONE)).all()
    codes = db.session.scalars(select(CodeImage).where(CodeImage.order_id == order_id, CodeImage.key != GONE)).all()
    counts = len(photos), len(codes)
    if dry_run:
        return counts
    keys = [key for photo in photos for key in _keys(photo)] + [code.key for code in codes]
    for key in keys:  # files first: a crash in between leaves a row that is purged again
        storage().delete(key)
    with unit_of_work():
        for photo in db.session.scalars(select(Photo).where(Photo.order_id == order_id)):
            photo.original_key, photo.rendition_key, photo.ruler = GONE, None, None
        for code in db.session.scalars(select(CodeImage).where(CodeImage.order_id == order_id)):
            code.key, code.payload = GONE, None
        for form in db.session.scalars(select(Form).where(Form.order_id == order_id)):
            form.id_no, form.phone, form.id_hmac, form.phone_hmac, form.id_last4 = "", "", "", "", ""
            form.email = ""
    return counts


def _keys(photo: Photo) -> list[str]:
    stem = photo.original_key.removesuffix("-original")
    found = [photo.original_key, *(f"{stem}-{name}" for name in ("preview.jpg", "before.jpg", "alpha.png"))]
    return [*found, photo.rendition_key] if photo.rendition_key else found
