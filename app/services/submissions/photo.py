"""The photo step: tries, versions, a person asked to look."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import Order, Photo
from app.rules.faults import ActionNotAllowed, Invalid, StaleOrder
from app.rules.messages import APPEALABLE_NEVER
from app.rules.text import N_
from app.services.photos.prechecks import queue_check, submittable
from app.services.submissions.shown import decision_shown, owned
from app.services.submissions.uploads import must_be_editable, picture_suffix
from app.services.transitions import touch
from app.services.unit import unit_of_work


def tries_left(order: Order) -> int | None:
    """How many photos the student may still send; None where the campaign sets no limit."""
    limit = order.campaign.tries
    return None if limit is None else max(0, limit - order.tries_used)


def add_photo(account_id: int, number: str, data: bytes, source: str) -> Photo:
    """Keep a photo version and have it checked.

    Raises Invalid for what is no picture, for the photo that was just rejected, and when no try is left;
    StaleOrder when another tab sent one at the same moment.
    """
    return keep_photo(lambda: owned(account_id, number), data, source, lambda o, digest: _may_add(o, source, digest), 1)


def keep_photo(
    find: Callable[[], Order], data: bytes, source: str, guard: Callable[[Order, str], None], tries: int = 0
) -> Photo:
    """Keep a photo version on the order that `find` gives, and have it checked. `guard` raises where it may not be.

    The file is written before the row that names it, so a crash in between leaves an unused file, never a dead name.
    """
    order = find()
    picture_suffix(data)
    digest = hashlib.sha256(data).hexdigest()
    guard(order, digest)
    stem = f"photos/{order.number}/{secrets.token_hex(8)}"
    storage().put(f"{stem}-original", data)
    try:
        with unit_of_work() as unit:
            order = find()
            guard(order, digest)
            photo = _new_photo(order, stem, digest, source)
            db.session.flush()
            touch(order, photo_id=photo.id, tries_used=order.tries_used + tries)
            queue_check(unit, photo)
    except IntegrityError:  # another photo of this order took the number in this very moment
        raise StaleOrder from None
    return photo


def _new_photo(order: Order, stem: str, digest: str, source: str) -> Photo:
    last = db.session.scalar(select(func.max(Photo.no)).where(Photo.order_id == order.id)) or 0
    photo = Photo(
        order_id=order.id,
        no=last + 1,
        source=source,
        original_key=f"{stem}-original",
        original_sha256=digest,
        rule_id=order.rule_id or order.campaign.rule_id,
        background=order.background or order.campaign.background,
        background_policy=order.background_policy or order.campaign.background_policy,
    )
    db.session.add(photo)
    return photo


def _may_add(order: Order, source: str, digest: str) -> None:
    must_be_editable(order)
    if order.campaign.source == "camera" and source == "album":
        raise Invalid(N_("本批次要求现场拍照，不能从相册选择"))
    if tries_left(order) == 0:
        raise Invalid(N_("拍摄次数已用完，请联系学校老师"))
    decision = decision_shown(order)
    rejected = decision is not None and decision.outcome == "rejected"
    if rejected and any(reason.target == "photo" for reason in decision.reasons):  # type: ignore[union-attr]
        old = db.session.get(Photo, decision.photo_id)  # type: ignore[union-attr]
        if old is not None and old.original_sha256 == digest:
            raise Invalid(N_("这张照片刚被驳回，请重新拍摄"))


def ask_person(account_id: int, number: str) -> None:
    """申请人工审核 after a failed verdict. Raises Invalid where nothing could be delivered."""
    with unit_of_work():
        order = owned(account_id, number)
        must_be_editable(order)
        photo = order.photo
        if photo is None or photo.verdict != "failed":
            raise ActionNotAllowed
        failed = {check.code for check in photo.checks if check.verdict == "fail"}
        if failed & APPEALABLE_NEVER or photo.rendition_key is None:
            raise Invalid(N_("这张照片无法制作，请重新拍摄"))
        photo.human_review_requested_at = photo.human_review_requested_at or now()
        touch(order)


def photo_ready(order: Order) -> bool:
    """Whether the current photo may be submitted."""
    return submittable(order.photo)
