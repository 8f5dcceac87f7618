"""Pictures for staff, and the note that one was shown."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_login import current_user

from app.extensions import db
from app.models import Photo
from app.rules.faults import NotFound
from app.security import roles
from app.services import staff_search
from app.views import staff_pictures
from app.views.pictures import send_photo
from app.views.review.blueprint import READERS, bp


@bp.post("/photos/<int:photo_id>/shown")
@roles(*READERS)
def shown(photo_id: int) -> Any:
    """The page says that the photo was on the screen: only now it counts as viewed."""
    purpose = request.form.get("purpose", "review")
    staff_search.saw_photo(current_user, photo_id, purpose if purpose in ("review", "gallery", "search") else "search")
    return "", 204


@bp.get("/picture/<token>")
@roles(*READERS)
def picture(token: str) -> Response:
    found = staff_pictures.read(token)
    photo = db.session.get(Photo, found[0]) if found else None
    if found is None or photo is None:
        raise NotFound
    response = send_photo(photo, found[1])
    if found[1] == "original":  # shown in the page, where the browser can
        response.headers.pop("Content-Disposition", None)
        response.content_type = "image/jpeg"
    return response
