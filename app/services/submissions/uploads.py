"""What an uploaded picture must be before it is kept; nothing is decoded here."""

from __future__ import annotations

import filetype
from flask import current_app

from app.models import Order
from app.rules.faults import ActionNotAllowed, Invalid, TooLarge
from app.rules.states import EDITABLE
from app.rules.text import N_
from app.services.students import consents
from app.services.submissions.shown import state_shown

PICTURES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
}


def picture_suffix(data: bytes) -> str:
    """The kind of an uploaded picture by its first bytes, nothing decoded. Raises Invalid or TooLarge."""
    if not data:
        raise Invalid(N_("文件是空的，请重新选择"))
    if len(data) > current_app.config["UPLOAD_MAX_MB"] * 1024 * 1024:
        raise TooLarge(mb=current_app.config["UPLOAD_MAX_MB"])
    kind = filetype.guess(data[:8192])
    if kind is None or kind.mime not in PICTURES:
        raise Invalid(N_("这不是可用的图片，请上传 JPEG、PNG、WebP 或 HEIC 格式"))
    return PICTURES[kind.mime]


def must_be_editable(order: Order) -> None:
    """Raise unless the student may change this order now: its state admits it, and both consents are in force."""
    if order.account_id is not None and not consents.complete(order.account_id):
        raise consents.ConsentNeeded
    if state_shown(order) not in EDITABLE:
        raise ActionNotAllowed(N_("订单当前状态不能修改"))
