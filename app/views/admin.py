"""Staff accounts and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.models import Staff
from app.rules.faults import Invalid
from app.rules.states import STAFF_ROLES, Role
from app.security import roles
from app.services import audit
from app.services.access import passwords, reach, second_factor, staff_sessions
from app.services.access import staff as accounts
from app.services.schools import schools
from app.views import texts

bp = Blueprint("admin", __name__, url_prefix="/admin")

CHANGES: dict[str, Callable[..., None]] = {
    "end": accounts.end_sessions,
    "deactivate": accounts.deactivate,
    "activate": accounts.activate,
}


@bp.get("/")
@roles(Role.ADMIN)
def index() -> Any:
    return _page({})


def _page(wrong: dict[str, str], status: int = 200) -> Any:
    page = render_template(
        "admin/index.html",
        staff=accounts.everybody(),
        schools=_schools(),
        roles=STAFF_ROLES,
        wrong=wrong,
        form=request.form,
    )
    return page, status


def _schools() -> dict[int, Any]:
    """All of them, also for an admin who is bound to some: colleagues are bound to others."""
    return {school.id: school for school in schools.everything()}


@bp.post("/staff")
@roles(Role.ADMIN)
def create() -> Any:
    """Create an account; its first password is shown once, in this answer, and has to be changed."""
    form, password = request.form, passwords.temporary()
    try:
        staff = accounts.create(
            form.get("name", ""), form.getlist("roles"), form.getlist("schools"), password, current_user
        )
    except Invalid as fault:
        return _page(fault.fields or {"name": fault.sentence}, 422)
    return render_template("admin/password.html", person=staff, password=password, created=True)


@bp.get("/staff/<int:staff_id>")
@roles(Role.ADMIN)
def person(staff_id: int) -> Any:
    return _person(accounts.get(staff_id))


def _person(found: Staff, sentence: str = "", status: int = 200) -> Any:
    page = render_template(
        "admin/person.html",
        person=found,
        schools=_schools(),
        roles=STAFF_ROLES,
        sessions=staff_sessions.live(found.id),
        codes_left=second_factor.codes_left(found.id),
        rows=audit.latest(audit.Filters(subject=f"staff-{found.id}"), limit=20),
        sentence=sentence,
    )
    return page, status


@bp.post("/staff/<int:staff_id>/scope")
@roles(Role.ADMIN)
def scope(staff_id: int) -> Any:
    found = accounts.get(staff_id)
    try:
        accounts.change_scope(found.id, request.form.getlist("roles"), request.form.getlist("schools"), current_user)
    except Invalid as fault:
        return _person(found, texts.told(fault), 422)
    flash(_("已保存"))
    return redirect(url_for("admin.person", staff_id=staff_id), 303)


@bp.post("/staff/<int:staff_id>/<any(end, deactivate, activate):what>")
@roles(Role.ADMIN)
def change(staff_id: int, what: str) -> Any:
    found = accounts.get(staff_id)
    try:
        CHANGES[what](staff_id, current_user, request.form.get("cause", "").strip()[:200])
    except Invalid as fault:
        return _person(found, texts.told(fault), 422)
    flash(_("已保存"))
    return redirect(url_for("admin.person", staff_id=staff_id), 303)


@bp.post("/staff/<int:staff_id>/recover")
@roles(Role.ADMIN)
def recover(staff_id: int) -> Any:
    """A new first password, shown once in this answer; with `factor` the lost second factor is taken off."""
    found = accounts.get(staff_id)
    try:
        password = accounts.recover(
            staff_id, current_user, request.form.get("cause", ""), second_factor_too=request.form.get("factor") == "1"
        )
    except Invalid as fault:
        return _person(found, texts.told(fault), 422)
    found = accounts.get(staff_id)
    return render_template("admin/password.html", person=found, password=password, created=False)


@bp.get("/orders/<int:order_id>")
@roles(Role.ADMIN)
def order(order_id: int) -> Any:
    """The audit log names orders by id; people know them by number."""
    return redirect(url_for("review.order", number=reach.number(current_user, order_id)), 303)


@bp.get("/audit")
@roles(Role.ADMIN)
def audit_log() -> Any:
    """The audit log, filtered by who, what, about what and when; the filters stand in the address."""
    filters = audit.Filters.read(request.args)
    return render_template(
        "admin/audit.html",
        filters=filters,
        rows=audit.latest(filters),
        actions=audit.actions(),
        staff=accounts.everybody(),
        page_size=audit.PAGE,
    )
