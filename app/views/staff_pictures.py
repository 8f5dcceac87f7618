"""Signed addresses of photos for staff: bound to the person and short-lived; none can be guessed or passed on."""

from __future__ import annotations

import time

from flask import current_app, url_for
from flask_login import current_user
from itsdangerous import BadSignature, TimestampSigner

from app.models import Photo

LIFE = 600
"""Seconds that an address works, and up to STEADY more."""

STEADY = 600
"""Seconds during which a photo has the same address: what was fetched ahead is found again in the browser's cache."""


class _Signer(TimestampSigner):
    def get_timestamp(self) -> int:
        return int(time.time()) // STEADY * STEADY


def _signer() -> _Signer:
    return _Signer(current_app.config["SECRET_KEY"], salt="staff-picture")


def address(photo: Photo | None, kind: str) -> str:
    """Where this person's browser finds a photo, for a while; empty where there is none."""
    if photo is None or (kind == "rendition" and photo.rendition_key is None):
        return ""
    token = _signer().sign(f"{current_user.id}.{photo.id}.{kind}").decode()
    return url_for("review.picture", token=token)


def read(token: str) -> tuple[int, str] | None:
    """Photo id and kind of an address that was made for this person and still works."""
    try:
        staff_id, photo_id, kind = _signer().unsign(token, max_age=LIFE).decode().split(".")
    except (BadSignature, ValueError):
        return None
    return (int(photo_id), kind) if int(staff_id) == current_user.id else None
