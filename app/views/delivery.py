"""Delivered batches for the school: facts, expiring downloads, acknowledgement."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.rules.faults import Invalid
from app.rules.states import Role
from app.security import roles
from app.services import batches
from app.views.forms import sentences

bp = Blueprint("delivery", __name__, url_prefix="/schools/batches")

READERS = (Role.SCHOOL, Role.ADMIN)


@bp.get("/<number>")
@roles(*READERS)
def batch(number: str) -> Any:
    return _page(number, {})


def _page(number: str, wrong: dict[str, str], status: int = 200) -> Any:
    found = batches.delivered_to(current_user, number)
    return render_template(
        "delivery/batch.html", batch=found, summary=batches.summary(found), classes=batches.classes(found),
        recalled=batches.recalled(found), later=batches.after(found), differences=batches.differences(found),
        downloads=batches.downloads_of(found), there=batches.is_here(found), life=batches.TICKET_SECONDS // 60,
        wrong=wrong, values=request.form,
    ), status  # fmt: skip


@bp.post("/<number>/link")
@roles(*READERS)
def link(number: str) -> Any:
    """Make a link that works for a quarter of an hour, for this person, and follow it."""
    return redirect(url_for("delivery.download", token=batches.make_ticket(current_user, number)), 303)


@bp.get("/download/<token>")
@roles(*READERS)
def download(token: str) -> Response:
    found = batches.open_ticket(current_user, token)
    return send_file(
        batches.open_file(found), as_attachment=True, download_name=f"{found.number}.zip", mimetype="application/zip"
    )


@bp.post("/<number>/acknowledge")
@roles(*READERS)
def acknowledge(number: str) -> Any:
    same = request.form.get("same") == "1"
    try:
        count = batches.acknowledge(
            current_user, number, same, request.form.get("lines", ""), request.form.get("text", "")
        )
    except Invalid as fault:
        return _page(number, sentences(fault), 422)
    flash(_("已签收，%(n)s 处差异已转给制作员", n=count) if count else _("已签收"))
    return redirect(url_for("delivery.batch", number=number), 303)
