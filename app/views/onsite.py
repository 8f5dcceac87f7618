"""Studio photos taken on site: drop a folder, give the unmatched to their owners, submit what is complete."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters.storage import storage
from app.models import IntakePhoto
from app.rules.faults import Fault, Invalid
from app.rules.states import Role
from app.security import roles
from app.services.schools import campaigns, onsite, schools
from app.services.submissions import PICTURES, picture_suffix
from app.views import texts
from app.views.forms import page_number
from app.views.pictures import SHOWN_BY_BROWSERS

bp = Blueprint("onsite", __name__, url_prefix="/onsite")

PRODUCERS = (Role.PRODUCER, Role.ADMIN)


@bp.get("/")
@roles(*PRODUCERS)
def index() -> Any:
    text, page = request.args.get("q", ""), page_number()
    found, total = campaigns.listed(current_user, text, page)
    rows = [(one, onsite.waiting_page(one)[1], onsite.drafts(one)[1]) for one in found]
    return render_template("onsite/index.html", rows=rows, total=total, page=page, size=campaigns.PAGE, text=text)


@bp.get("/<code>")
@roles(*PRODUCERS)
def campaign(code: str) -> Any:
    found = schools.campaign(current_user, code)
    page = page_number()
    waiting, total = onsite.waiting_page(found, page)
    drafts, draft_total = onsite.drafts(found)
    return render_template(
        "onsite/campaign.html", campaign=found, tray=waiting, total=total, page=page, size=onsite.PAGE, drafts=drafts,
        draft_total=draft_total, suffixes=sorted({*PICTURES.values(), "jpeg"}),
    )  # fmt: skip


@bp.post("/<code>/photos")
@roles(*PRODUCERS)
def photos(code: str) -> Any:
    """Take files: one at a time from the page's script (answered in JSON), or a small selection from a plain form."""
    campaign_id = schools.campaign(current_user, code).id
    table = request.files.get("map")
    try:
        mapping = onsite.read_map(table.read()) if table and table.filename else {}
    except Invalid as fault:  # of a plain form: the page's script reads the table itself
        flash(texts.told(fault), "error")
        return redirect(url_for("onsite.campaign", code=code), 303)
    told = request.form.get("student_no", "").strip()
    counts: dict[str, int] = {}
    taken = onsite.Taken(onsite.REFUSED)
    for file in request.files.getlist("photos"):
        name = file.filename or ""
        own = mapping | ({name.casefold(): told} if told else {})
        taken = onsite.take(campaign_id, name, file.read(), own, current_user)
        counts[taken.outcome] = counts.get(taken.outcome, 0) + 1
    if request.headers.get("Accept") == "application/json":
        return jsonify(outcome=taken.outcome, cause=_(taken.cause) if taken.cause else "")
    names = {
        onsite.IMPORTED: _("已归入订单"), onsite.KNOWN: _("之前已导入"), onsite.UNMATCHED: _("等待认领"),
        onsite.REFUSED: _("不是可用的图片"),
    }  # fmt: skip
    flash("，".join(f"{names[outcome]} {count}" for outcome, count in sorted(counts.items())) or _("没有选择文件"))
    return redirect(url_for("onsite.campaign", code=code), 303)


@bp.post("/<code>/known")
@roles(*PRODUCERS)
def known(code: str) -> Any:
    """Which files (SHA-256) are there already, so that a stopped upload goes on where it was."""
    campaign_id, digests = schools.campaign(current_user, code).id, request.get_json(silent=True)
    if not isinstance(digests, list):
        abort(400)
    return {"known": onsite.known(campaign_id, [str(one) for one in digests])}


@bp.post("/<code>/match")
@roles(*PRODUCERS)
def match(code: str) -> Any:
    count = onsite.match_waiting(schools.campaign(current_user, code).id)
    flash(_("重新匹配：%(n)s 张照片归入订单", n=count))
    return redirect(url_for("onsite.campaign", code=code), 303)


@bp.post("/<code>/submit")
@roles(*PRODUCERS)
def submit(code: str) -> Any:
    done, left = onsite.submit_ready(schools.campaign(current_user, code), current_user)
    flash(_("已代为提交 %(n)s 个订单，%(left)s 个还不完整", n=done, left=left))
    return redirect(url_for("onsite.campaign", code=code), 303)


def _waiting(intake_id: int) -> IntakePhoto:
    """A waiting photo of this person's schools. Raises NotFound."""
    found = onsite.waiting(intake_id)
    schools.within(current_user, found.campaign.school_id)
    return found


@bp.get("/photos/<int:intake_id>")
@roles(*PRODUCERS)
def picture(intake_id: int) -> Response:
    """A waiting photo as the studio sent it; not for kinds that browsers do not show."""
    found = _waiting(intake_id)
    data = storage().get(str(found.key))
    suffix = picture_suffix(data)
    if suffix not in SHOWN_BY_BROWSERS:
        abort(404)
    return Response(data, content_type=SHOWN_BY_BROWSERS[suffix])


@bp.post("/photos/<int:intake_id>/assign")
@roles(*PRODUCERS)
def assign(intake_id: int) -> Any:
    code = _waiting(intake_id).campaign.code
    try:
        order = onsite.assign_to(intake_id, request.form.get("student_no", ""), current_user)
        flash(_("照片已归入订单 %(number)s，正在检测", number=order.number))
    except Fault as fault:  # a wrong number: the tray stays before their eyes
        flash(texts.told(fault), "error")
    return redirect(url_for("onsite.campaign", code=code), 303)


@bp.post("/photos/<int:intake_id>/drop")
@roles(*PRODUCERS)
def drop(intake_id: int) -> Any:
    code = _waiting(intake_id).campaign.code
    onsite.drop(intake_id, current_user)
    flash(_("照片已删除"))
    return redirect(url_for("onsite.campaign", code=code), 303)
