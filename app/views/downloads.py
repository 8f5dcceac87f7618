"""Fetching a batch before it is handed over, or without an account; and its delivery note."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request, send_file
from flask_babel import gettext as _
from flask_login import current_user

from app.export.paths import by_class
from app.models import Batch
from app.rules.faults import NotAllowed, NotFound
from app.rules.states import Role
from app.security import public, roles
from app.services import batches

bp = Blueprint("downloads", __name__)

PRODUCERS = (Role.PRODUCER, Role.ADMIN)


def _sent(batch: Batch) -> Response:
    name = f"{batch.number}.zip"
    return send_file(batches.open_file(batch), as_attachment=True, download_name=name, mimetype="application/zip")


@bp.get("/production/batches/<number>/download")
@roles(*PRODUCERS)
def batch(number: str) -> Response:
    return _sent(batches.download(number, current_user))


@bp.get("/production/batches/<number>/delivery-note.pdf")
@roles(*PRODUCERS)
def note(number: str) -> Response:
    """The delivery note of either kind, for the counter; a diploma batch carries the same bytes."""
    from app.export.delivery_note import (
        delivery_note,  # the web loads no ReportLab, and with it no Pillow, until it prints
    )

    found = batches.by_number(number, current_user)
    counts = by_class(batches.frozen_rows(found.id))
    if not counts:
        raise NotFound(_("保留期已过，名单已删除"))
    data = delivery_note(batches.frozen_batch(found, ()), counts, current_app.extensions["keys"].fingerprint)
    return send_file(BytesIO(data), mimetype="application/pdf", download_name=f"{found.number}.pdf")


@bp.get("/d/<token>")
@public
def link(token: str) -> Any:
    """What a receiver without an account sees: what it is, until when, and a field for the code."""
    return render_template("downloads/link.html", link=batches.open_link(token), token=token, wrong="")


@bp.post("/d/<token>")
@public
def fetch(token: str) -> Any:
    """The batch, for the right code."""
    try:
        return _sent(batches.download_by_link(token, request.form.get("code", "")))
    except NotAllowed:
        found = batches.open_link(token)
        wrong = _("提取码不正确，还可以试 %(n)s 次", n=batches.WRONG_CODES - found.wrong_codes)
        return render_template("downloads/link.html", link=found, token=token, wrong=wrong), 422
