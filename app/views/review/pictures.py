"""Pictures for staff, and the note that one was shown."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_login import current_user

from app.rules.faults import NotFound
from app.security import roles
from app.services.access import looks
from app.views import staff_pictures
from app.views.pictures import send_code, send_photo
from app.views.review.blueprint import READERS, REVIEWERS, bp


@bp.post("/photos/<int:photo_id>/shown")
@roles(*READERS)
def shown(photo_id: int) -> Any:
    """The page says that the photo was on the screen: only now it counts as viewed."""
    purpose = request.form.get("purpose", "review")
    looks.saw_photo(current_user, photo_id, purpose if purpose in ("review", "gallery", "search") else "search")
    return "", 204


@bp.get("/orders/<number>/code")
@roles(*REVIEWERS)
def code_picture(number: str) -> Response:
    """The collection code as it was uploaded, where the machine could not read it; that it was shown is logged."""
    return send_code(looks.code_picture(current_user, number))


@bp.get("/picture/<token>")
@roles(*READERS)
def picture(token: str) -> Response:
    """A photo's picture; whoever it is sent to is written down."""
    found = staff_pictures.read(token)
    if found is None:
        raise NotFound
    response = send_photo(looks.send_photo_to(current_user, found[0]), found[1])
    if found[1] == "original":  # shown in the page, where the browser can
        response.headers.pop("Content-Disposition", None)
        response.content_type = "image/jpeg"
    return response
