"""A photo's bytes as an answer."""

from __future__ import annotations

from flask import Response
from flask_babel import gettext as _

from app.adapters.storage import storage
from app.models import CodeImage, Photo
from app.rules.faults import NotFound

SHOWN_BY_BROWSERS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
"""Kinds of pictures that every browser shows, by suffix; others are downloaded."""


def send_code(code: CodeImage) -> Response:
    """A collection code's picture as it was uploaded, fenced in: it can be nothing but a picture."""
    try:
        data = storage().get(code.key)
    except FileNotFoundError:
        raise NotFound(_("这张图片不可用")) from None
    response = Response(data, content_type=SHOWN_BY_BROWSERS.get(code.suffix, "application/octet-stream"))
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if code.suffix not in SHOWN_BY_BROWSERS:
        response.headers["Content-Disposition"] = f"attachment; filename=code.{code.suffix}"
    return response


def send_photo(photo: Photo, kind: str) -> Response:
    """A photo's bytes, for its owner or for staff; never cached by anybody in between."""
    stem = photo.original_key.removesuffix("-original")
    keys = {
        "preview": f"{stem}-preview.jpg",
        "before": f"{stem}-before.jpg",
        "alpha": f"{stem}-alpha.png",
        "wall": f"{stem}-wall.png",
        "rendition": photo.rendition_key,
        "original": photo.original_key,
    }
    key = keys.get(kind)
    try:
        data = storage().get(key) if key else b""
    except FileNotFoundError:
        data = b""
    if not data:
        raise NotFound(_("这张图片不可用"))
    mime = {"original": "application/octet-stream", "alpha": "image/png", "wall": "image/png"}.get(kind, "image/jpeg")
    response = Response(data, content_type=mime)
    response.headers["Cache-Control"] = "private, max-age=600"
    if kind == "original":
        response.headers["Content-Disposition"] = "attachment"
    return response
