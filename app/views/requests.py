"""What students ask of staff: the list, one deletion, one collection code, and the answers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters.clock import now
from app.models import RequestKind
from app.rules.faults import Invalid, NotFound
from app.rules.states import Role
from app.security import roles
from app.services.students import code_moves, deletions, student_requests
from app.views.pictures import SHOWN_BY_BROWSERS, send_code

bp = Blueprint("requests", __name__, url_prefix="/requests")

ANSWERERS = (Role.LEAD, Role.ADMIN)


@bp.get("/")
@roles(*ANSWERERS)
def index() -> Any:
    waiting, answered = student_requests.waiting(current_user), student_requests.answered(current_user)
    orders = student_requests.orders_of([*waiting, *answered])
    return render_template("requests/index.html", waiting=waiting, answered=answered, orders=orders, moment=now())


@bp.get("/deletions/<int:request_id>")
@roles(*ANSWERERS)
def deletion(request_id: int) -> Any:
    return _deletion(request_id)


def _deletion(request_id: int, fault: Invalid | None = None, status: int = 200) -> Any:
    row = student_requests.find(current_user, request_id, RequestKind.DELETION)
    page = render_template(
        "requests/deletion.html",
        row=row,
        moment=now(),
        fates=deletions.fates(row.account_id),
        stays=deletions.STAYS,
        wrong=_sentence(fault),
    )
    return page, status


@bp.post("/deletions/<int:request_id>")
@roles(*ANSWERERS)
def decide_deletion(request_id: int) -> Any:
    try:
        deletions.decide(current_user, request_id, _granted(), request.form.get("answer", ""))
    except Invalid as fault:
        return _deletion(request_id, fault, 422)
    flash(_("答复已发送"))
    return redirect(url_for("requests.deletion", request_id=request_id), 303)


def _sentence(fault: Invalid | None) -> str:
    """What is wrong with the answer, if anything."""
    key = fault.fields.get("answer", fault.sentence) if fault else ""
    return _(key) if key else ""


def _granted() -> bool:
    """Which button was pressed. Raises NotFound for anything else: silence is no answer."""
    outcome = request.form.get("outcome", "")
    if outcome not in ("granted", "refused"):
        raise NotFound
    return outcome == "granted"


@bp.get("/codes/<int:request_id>")
@roles(*ANSWERERS)
def code(request_id: int) -> Any:
    return _code(request_id)


def _code(request_id: int, fault: Invalid | None = None, status: int = 200) -> Any:
    found = code_moves.dispute(current_user, request_id)
    wrong = _sentence(fault)
    page = render_template("requests/code.html", found=found, row=found.request, mimes=SHOWN_BY_BROWSERS, wrong=wrong)
    return page, status


@bp.post("/codes/<int:request_id>")
@roles(*ANSWERERS)
def decide_code(request_id: int) -> Any:
    text, seen = request.form.get("answer", ""), (_version("order"), _version("other"))
    try:
        if _granted():
            code_moves.move(current_user, request_id, text, seen)
        else:
            code_moves.refuse(current_user, request_id, text)
    except Invalid as fault:
        return _code(request_id, fault, 422)
    flash(_("答复已发送"))
    return redirect(url_for("requests.code", request_id=request_id), 303)


def _version(name: str) -> int:
    return request.form.get(name, 0, type=int)


@bp.get("/codes/<int:request_id>/<any(asked, held):side>")
@roles(*ANSWERERS)
def picture(request_id: int, side: str) -> Response:
    """A code's picture as it was uploaded, fenced in: it can be nothing but a picture."""
    found = code_moves.dispute(current_user, request_id)
    code = found.code if side == "asked" else (None if found.elsewhere else found.held)
    if code is None:
        raise NotFound
    return send_code(code)
