"""The student's way through one order: code, form, photo, confirm, follow, fix."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters import wechat_messages
from app.models import Order
from app.rules.faults import Invalid
from app.rules.fields import BY_NAME, FIELDS, GROUPS, check_field, check_form
from app.rules.states import EDITABLE, OrderState
from app.security import student_only
from app.services import notice_channels, submissions
from app.services.schools import rosters
from app.services.students import consents, student_requests
from app.views.pictures import send_photo
from app.views.sign_in import inside_wechat
from app.views.student_facts import LONG, delay, order_facts, photo_facts

bp = Blueprint("student", __name__)


def _order(number: str) -> Order:
    return submissions.owned(current_user.id, number)


def _editable(found: Order) -> bool:
    return submissions.state_shown(found) in EDITABLE


def _to_order(number: str) -> Any:
    """Away from a step that can no longer be changed, to where the student sees how it stands."""
    return redirect(url_for("student.order", number=number), 303)


@bp.post("/start")
@student_only
def start() -> Any:
    campaign = submissions.campaign_by_id(request.form.get("campaign", type=int))
    if not consents.complete(current_user.id):
        return redirect(url_for("site.privacy", next=url_for("site.home")), 303)
    session["campaign"] = campaign.code
    return redirect(url_for("student.step", number=submissions.start(current_user.id, campaign.id).number), 303)


@bp.get("/orders")
@student_only
def orders() -> Any:
    rows = [(order, submissions.state_shown(order)) for order in submissions.account_orders(current_user.id)]
    wanted = request.args.get("state", "")
    shown = [row for row in rows if not wanted or row[1] == wanted]
    return render_template("student/orders.html", rows=shown, states=sorted({s for _o, s in rows}), wanted=wanted)


@bp.get("/orders/<number>")
@student_only
def order(number: str) -> Any:
    found = _order(number)
    shown = submissions.state_shown(found)
    return render_template("student/order.html", order=found, shown=shown, tick=0, **order_facts(found))


@bp.get("/orders/<number>/state")
@student_only
def state(number: str) -> Any:
    """The state alone; once it is another than the page shows, the whole page is fetched again and this ends."""
    found, tick = _order(number), request.args.get("tick", 0, type=int)
    shown = submissions.state_shown(found)
    if request.args.get("was", shown.value) != shown:
        return "", 200, {"HX-Refresh": "true"}
    return render_template("student/_state.html", order=found, shown=shown, tick=tick)


@bp.get("/orders/<number>/step")
@student_only
def step(number: str) -> Any:
    """The first step that is not done."""
    found = _order(number)
    if not _editable(found):
        return _to_order(number)
    if not consents.complete(current_user.id):
        return redirect(url_for("site.privacy", next=request.path), 303)
    code = found.code
    if not found.code_unreadable and (code is None or (code.read_at is not None and code.payload is None)):
        return redirect(url_for("student.code", number=number), 303)
    if found.form is None:
        return redirect(url_for("student.form", number=number), 303)
    return redirect(url_for("student.photo", number=number), 303)


@bp.get("/orders/<number>/code")
@student_only
def code(number: str) -> Any:
    if not _editable(_order(number)):
        return _to_order(number)
    return render_template("student/code.html", **_code_facts(number, 0))


def _code_facts(number: str, tick: int) -> dict[str, Any]:
    found = _order(number)
    asked = student_requests.about_code(found.code)
    return {"order": found, "tick": tick, "delay": delay(tick), "long": tick > LONG, "request_made": asked}


@bp.post("/orders/<number>/code")
@student_only
def upload_code(number: str) -> Any:
    submissions.upload_code(current_user.id, number, _uploaded("code"))
    return _after_upload("student.code", number)


@bp.get("/orders/<number>/code/status")
@student_only
def code_status(number: str) -> Any:
    tick = request.args.get("tick", 0, type=int) + 1
    return render_template("student/_code.html", **_code_facts(number, tick))


@bp.post("/orders/<number>/code/person")
@student_only
def code_person(number: str) -> Any:
    submissions.ask_person_for_code(current_user.id, number)
    flash(_("已提交人工处理申请，结果会显示在本页"))
    return redirect(url_for("student.code", number=number), 303)


@bp.get("/orders/<number>/form")
@student_only
def form(number: str) -> Any:
    found = _order(number)
    if not _editable(found):
        return _to_order(number)
    return _form_page(found, submissions.typed(found), {})


def _form_page(found: Order, values: dict[str, str], wrong: dict[str, str], status: int = 200) -> Any:
    page = render_template(
        "student/form.html",
        order=found,
        groups=GROUPS,
        by_name=BY_NAME,
        values=values,
        wrong=wrong,
        lists=submissions.pick_lists(found.campaign, values.get("college", "")),
        mismatch=rosters.mismatch(found.campaign_id, values),
    )
    return page, status


def _typed_values() -> dict[str, str]:
    return {field.name: request.form.get(field.name, "") for field in FIELDS}


@bp.post("/orders/<number>/form")
@student_only
def save_form(number: str) -> Any:
    values = _typed_values()
    try:
        submissions.save_form(current_user.id, number, values)
    except Invalid as fault:
        return _form_page(_order(number), values, fault.fields, 422)
    return redirect(url_for("student.photo", number=number), 303)


@bp.post("/orders/<number>/form/typed")
@student_only
def typed(number: str) -> Any:
    """Keep what is typed, and answer with the sentence for the one field that changed."""
    values, name = _typed_values(), request.args.get("field", "")
    submissions.keep_typed(current_user.id, number, values)
    if name not in BY_NAME:
        return "", 204
    found = _order(number)
    lists = submissions.pick_lists(found.campaign, values.get("college", ""))
    cleaned, _wrong = check_form(values, lists)
    return render_template(
        "student/_typed.html",
        order=found,
        field=BY_NAME[name],
        by_name=BY_NAME,
        sentence=check_field(name, cleaned, lists) if values[name] else "",
        values=values,
        lists=lists,
        wrong={},
        mismatch=rosters.mismatch(found.campaign_id, cleaned),
    )


@bp.get("/orders/<number>/photo")
@student_only
def photo(number: str) -> Any:
    return render_template("student/photo.html", **photo_facts(_order(number), 0))


@bp.post("/orders/<number>/photo")
@student_only
def add_photo(number: str) -> Any:
    source = {"camera": "camera", "system_camera": "camera_fallback"}.get(request.form.get("source", ""), "album")
    submissions.add_photo(current_user.id, number, _uploaded("photo"), source)
    return _after_upload("student.photo", number)


def _uploaded(name: str) -> bytes:
    file = request.files.get(name)
    return file.read() if file else b""


def _after_upload(endpoint: str, number: str) -> Any:
    """A script that uploads with progress asks for the address; a plain form is sent there."""
    target = url_for(endpoint, number=number)
    return {"next": target} if request.headers.get("X-Upload") else redirect(target, 303)


@bp.get("/orders/<number>/photo/status")
@student_only
def photo_status(number: str) -> Any:
    tick = request.args.get("tick", 0, type=int) + 1
    return render_template("student/_photo.html", **photo_facts(_order(number), tick))


@bp.get("/orders/<number>/camera")
@student_only
def camera(number: str) -> Any:
    found = _order(number)
    if not _editable(found):
        return _to_order(number)
    return render_template("student/camera.html", order=found, tries=submissions.tries_left(found))


@bp.post("/orders/<number>/photo/person")
@student_only
def ask_person(number: str) -> Any:
    submissions.ask_person(current_user.id, number)
    return redirect(url_for("student.photo", number=number), 303)


@bp.get("/orders/<number>/confirm")
@student_only
def confirm(number: str) -> Any:
    found = _order(number)
    wanting = submissions.missing(found)
    if wanting:
        flash(_(wanting[0]), "caution")
        return redirect(url_for("student.step", number=number), 303)
    ask = inside_wechat() and wechat_messages.ready()
    return render_template("student/confirm.html", order=found, fields=FIELDS, ask_notices=ask, **order_facts(found))


@bp.post("/orders/<number>/submit")
@student_only
def submit(number: str) -> Any:
    version = request.form.get("version", 0, type=int)
    if OrderState(_order(number).state) is OrderState.DRAFT:
        submissions.submit(current_user.id, number, version)
        flash(_("照片提交成功"))
    else:
        submissions.resubmit(current_user.id, number, version)
        flash(_("照片已重新提交，无需再次支付"))
    if request.form.get("notices") and inside_wechat() and wechat_messages.ready():
        return _to_notices(_order(number))
    return redirect(url_for("student.order", number=number), 303)


def _to_notices(found: Order) -> Any:
    """To WeChat's own question whether one message may be sent; the answer must bring back our token, once."""
    scene, token = notice_channels.next_scene(found), secrets.token_hex(8)
    session["notices"] = [found.number, scene, token]
    back = current_app.config["PUBLIC_URL"] + url_for("student.notices_answered", number=found.number)
    return redirect(wechat_messages.ask_url(scene, back, token), 303)


@bp.get("/orders/<number>/notices")
@student_only
def notices_answered(number: str) -> Any:
    """Back from WeChat; only its 允许 counts."""
    found, asked = _order(number), session.pop("notices", None)
    answer = [number, request.args.get("scene", type=int), request.args.get("reserved", "")]
    if asked == answer and request.args.get("action") == "confirm" and notice_channels.consented(found.id, answer[1]):
        flash(_("审核结果将通过微信通知您一次"))
    return redirect(url_for("student.order", number=number), 303)


ACTIONS = {
    "withdraw": submissions.withdraw,
    "discard": submissions.discard,
    "edit": submissions.edit,
    "cancel": submissions.cancel,
    "appeal": submissions.appeal,
}


@bp.post("/orders/<number>/<any(withdraw, discard, edit, cancel, appeal):action>")
@student_only
def act(number: str, action: str) -> Any:
    done = ACTIONS[action](current_user.id, number, request.form.get("version", 0, type=int))
    if done is False:
        flash(_("该订单刚刚已支付成功，没有取消"), "caution")
    if action == "edit" and done:
        return redirect(url_for("student.step", number=number), 303)
    return redirect(url_for("student.order", number=number), 303)


@bp.get("/orders/<number>/photos/<int:no>/<any(preview, rendition, original, before):kind>")
@student_only
def picture(number: str, no: int, kind: str) -> Response:
    return send_photo(submissions.owned_photo(current_user.id, number, no), kind)
