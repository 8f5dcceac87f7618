"""The photo step: camera or album, the live check, a person asked, and the pictures themselves."""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask_login import current_user

from app.security import student_only
from app.services import submissions
from app.views.forms import after_upload, uploaded
from app.views.pictures import send_photo
from app.views.student.blueprint import bp, order_to_edit, own_order
from app.views.student.facts import photo_facts


@bp.get("/orders/<number>/photo")
@student_only
def photo(number: str) -> Any:
    return render_template("student/photo.html", **photo_facts(own_order(number), 0))


@bp.post("/orders/<number>/photo")
@student_only
def add_photo(number: str) -> Any:
    source = {"camera": "camera", "system_camera": "camera_fallback"}.get(request.form.get("source", ""), "album")
    submissions.add_photo(current_user.id, number, uploaded("photo"), source)
    return after_upload(url_for("student.photo", number=number))


@bp.get("/orders/<number>/photo/status")
@student_only
def photo_status(number: str) -> Any:
    tick = request.args.get("tick", 0, type=int) + 1
    return render_template("student/_photo.html", **photo_facts(own_order(number), tick))


@bp.get("/orders/<number>/camera")
@student_only
def camera(number: str) -> Any:
    found = order_to_edit(number)
    return render_template("student/camera.html", order=found, tries=submissions.tries_left(found))


@bp.post("/orders/<number>/photo/person")
@student_only
def ask_person(number: str) -> Any:
    submissions.ask_person(current_user.id, number)
    return redirect(url_for("student.photo", number=number), 303)


@bp.get("/orders/<number>/photos/<int:no>/<any(preview, rendition, original, before):kind>")
@student_only
def picture(number: str, no: int, kind: str) -> Response:
    return send_photo(submissions.owned_photo(current_user.id, number, no), kind)
