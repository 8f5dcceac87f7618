"""Production: what can be exported, dry runs, batches and what becomes of them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.export.page import page as receivers_page
from app.rules.faults import Invalid, NotFound
from app.rules.states import Role
from app.security import roles
from app.services import batches
from app.services.transitions import Actor
from app.views import texts
from app.views.forms import page_number, sentences

bp = Blueprint("production", __name__, url_prefix="/production")

PRODUCERS = (Role.PRODUCER, Role.ADMIN)


def _actor() -> Actor:
    return Actor(Role.PRODUCER, current_user.id)


@bp.get("/")
@roles(*PRODUCERS)
def index() -> Any:
    ready, made = batches.ready(current_user), batches.recent(current_user)
    return render_template("production/index.html", ready=ready, batches=made)


@bp.get("/dry-run/<int:campaign_id>/<any(chsi, diploma):kind>")
@roles(*PRODUCERS)
def dry_run(campaign_id: int, kind: str) -> Any:
    campaign = batches.campaign(current_user, campaign_id)
    found = batches.preview(campaign, kind)
    return render_template("production/dry_run.html", campaign=campaign, kind=kind, found=found)


@bp.get("/sheet/<int:campaign_id>.pdf")
@roles(*PRODUCERS)
def sheet(campaign_id: int) -> Response:
    """The first page for the press, as a batch made now would print it."""
    data = batches.preview_sheet(batches.campaign(current_user, campaign_id))
    if data is None:
        raise NotFound(_("没有可打印的照片"))
    return send_file(BytesIO(data), mimetype="application/pdf", download_name="preview.pdf")


@bp.post("/export/<int:campaign_id>/<any(chsi, diploma):kind>")
@roles(*PRODUCERS)
def export(campaign_id: int, kind: str) -> Any:
    """Freeze now, build in a worker."""
    batch = batches.freeze(batches.campaign(current_user, campaign_id).id, kind, _actor())
    if batch is None:
        flash(_("没有可导出的订单"))
        return redirect(url_for("production.index"), 303)
    batches.request_build(batch)
    return redirect(url_for("production.batch", number=batch.number), 303)


@bp.get("/batches/<number>")
@roles(*PRODUCERS)
def batch(number: str) -> Any:
    return _batch_page(number)


def _batch_page(
    number: str, link: str = "", code: str = "", wrong: dict[str, str] | None = None, status: int = 200
) -> Any:
    found = batches.by_number(number, current_user)
    page, changed = page_number(), request.args.get("changed") == "1"
    rows = batches.page_of(found, page, changed=changed)
    return render_template(
        "production/batch.html", batch=found, summary=batches.summary(found), rows=rows, page=page,
        changed=changed, more=len(rows) == batches.PAGE, tick=0, links=batches.links_of(found),
        downloads=batches.downloads_of(found), differences=batches.differences(found),
        fingerprint=current_app.extensions["keys"].fingerprint, here=batches.is_here(found), link=link, code=code,
        wrong=wrong or {}, values=request.form, days=batches.DAYS, copies=batches.copies_of([found.id]),
    ), status  # fmt: skip


@bp.get("/batches/<number>/state")
@roles(*PRODUCERS)
def state(number: str) -> Any:
    found, tick = batches.by_number(number, current_user), request.args.get("tick", 0, type=int) + 1
    if found.state != "building" or found.fault:
        return "", 200, {"HX-Refresh": "true"}
    return render_template("production/_building.html", batch=found, tick=tick)


@bp.post("/batches/<number>/build")
@roles(*PRODUCERS)
def build(number: str) -> Any:
    """Build again: the same bytes, where the files are gone or a fault was mended."""
    batches.request_build(batches.by_number(number, current_user))
    flash(_("已开始重新生成，内容与原批次逐字节相同"))
    return redirect(url_for("production.batch", number=number), 303)


@bp.post("/batches/<number>/hand-over")
@roles(*PRODUCERS)
def hand_over(number: str) -> Any:
    done = batches.hand_over(batches.by_number(number, current_user).id, _actor())
    count = batches.summary(batches.by_number(number)).count
    flash(
        _("已交付，%(n)s 个订单完成", n=done)
        if done == count
        else _("已交付，%(n)s 个订单完成，%(left)s 个还要等其他种类的批次交付", n=done, left=count - done)
    )
    return redirect(url_for("production.batch", number=number), 303)


@bp.post("/batches/<number>/discard")
@roles(*PRODUCERS)
def discard(number: str) -> Any:
    """Drop it, and freeze the rest again at once when asked to."""
    found = batches.by_number(number, current_user)
    campaign_id, kind = found.campaign_id, found.kind
    try:
        batches.discard(found.id, _actor(), request.form.get("cause", ""))
    except Invalid as fault:
        return _batch_page(number, wrong=sentences(fault), status=422)
    if request.form.get("again"):
        return export(campaign_id, kind)
    flash(_("批次已作废，订单回到待制作"))
    return redirect(url_for("production.index"), 303)


@bp.post("/batches/<number>/links")
@roles(*PRODUCERS)
def make_link(number: str) -> Any:
    """Show the address and its code once; they are kept as hashes only."""
    days = request.form.get("days", 0, type=int)
    try:
        made = batches.make_link(number, days, request.form.get("receiver", ""), current_user)
    except Invalid as fault:
        return _batch_page(number, wrong=sentences(fault), status=422)
    link = current_app.config["PUBLIC_URL"] + url_for("downloads.link", token=made.token)
    return _batch_page(number, link, made.code)


@bp.post("/batches/<number>/links/<int:link_id>/revoke")
@roles(*PRODUCERS)
def revoke_link(number: str, link_id: int) -> Any:
    batches.revoke_link(link_id, current_user)
    flash(_("链接已作废"))
    return redirect(url_for("production.batch", number=number), 303)


@bp.get("/find")
@roles(*PRODUCERS)
def find() -> Any:
    """From the small code under a printed photo back to its order."""
    try:
        number = batches.find_item(request.args.get("code", ""), current_user)
        return redirect(url_for("review.order", number=number), 303)
    except NotFound as fault:
        flash(texts.told(fault), "error")
        return redirect(url_for("production.index"), 303)


@bp.get("/verify.html")
@roles(*PRODUCERS, Role.SCHOOL)
def verify_page() -> Response:
    """The receiver's self-contained page, to be kept: as a file, with a policy of its own inside."""
    data = receivers_page(current_app.extensions["keys"].fingerprint)
    return send_file(BytesIO(data), as_attachment=True, download_name="verify.html", mimetype="text/html")
