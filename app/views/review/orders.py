"""One order for staff, search, unmasking, exemption and recall."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.models import Form, Order
from app.rules.faults import Invalid
from app.rules.states import Action, OrderState, Role, allowed
from app.security import roles
from app.services import staff_search
from app.services.access import looks, reach
from app.services.review import decisions, exemptions, history, leases, reasons
from app.views import staff_pictures, texts
from app.views.review.blueprint import READERS, bp, read_filters, tab

SEES_STUDENT = (Role.REVIEWER, Role.LEAD, Role.PRODUCER, Role.SCHOOL, Role.ADMIN)
"""Who is shown a student's photo and, for a cause, their identity: not finance, who needs neither."""


@bp.get("/orders/<number>")
@roles(*READERS)
def order(number: str) -> Any:
    """One order as staff see it. Whoever is shown its photo is written down."""
    return _page(reach.visible(current_user, number))


def _page(found: Order, contact: Form | None = None) -> str:
    number = found.number
    shown = found.photo if current_user.roles & set(SEES_STUDENT) else None
    if shown is not None and shown.rendition_key:
        looks.saw_photo(current_user, shown.id, "search")
        found = reach.visible(current_user, number)
    return render_template(
        "review/order.html",
        order=found,
        shown=bool(shown),
        contact=contact,
        picture=staff_pictures.address(found.photo, "rendition") if shown else "",
        decisions=history.with_names(found),
        reason_label=texts.reason_names(reasons.everything()).get,
        may_recall=Action.RECALL in allowed(OrderState(found.state), current_user.roles),
    )


@bp.get("/search")
@roles(*READERS)
def search() -> Any:
    """What was looked for stands in the address, unless it may be a phone or identity number."""
    text = request.args.get("q", "")
    return _results("" if staff_search.private(text) else text)


@bp.post("/search")
@roles(*READERS)
def search_for() -> Any:
    text = request.form.get("q", "")
    if staff_search.private(text):
        return _results(text)
    return redirect(url_for("review.search", q=text), 303)


def _results(text: str) -> Any:
    found = staff_search.find(current_user, text)
    return render_template("review/search.html", text=text, orders=found, limit=staff_search.LIMIT)


@bp.post("/orders/<number>/identity")
@roles(*SEES_STUDENT)
def identity(number: str) -> Any:
    form = looks.unmask(current_user, number, request.form.get("cause", ""))
    return render_template("review/_identity.html", form=form)


@bp.post("/orders/<number>/contact")
@roles(*SEES_STUDENT)
def contact(number: str) -> Any:
    """Identity and phone in full on the order's page, for a cause that is logged."""
    fragment = bool(request.headers.get("HX-Request"))
    try:
        form = looks.unmask(current_user, number, request.form.get("cause", ""))
    except Invalid as fault:
        if fragment:
            raise
        return _refused(fault, "review.order", number)
    if fragment:
        return render_template("review/_contact.html", form=form)
    return _page(reach.visible(current_user, number), form)


def _refused(fault: Invalid, page: str, number: str) -> Any:
    """Back to where the form stands, with what is wrong."""
    flash(texts.told(fault), "error")
    return redirect(url_for(page, number=number, **read_filters().query()), 303)


@bp.post("/orders/<number>/exempt")
@roles(Role.LEAD)
def exempt(number: str) -> Any:
    found = reach.visible(current_user, number)
    code = request.form.get("code", "")
    leases.release([found.id], current_user, tab())  # the page that follows is a tab of its own
    try:
        if request.form.get("withdraw"):
            exemptions.withdraw(current_user, found.id, code)
        else:
            exemptions.grant(current_user, found.id, code, request.form.get("cause", ""))
    except Invalid as fault:
        return _refused(fault, "review.open_order", number)
    return redirect(url_for("review.open_order", number=number, **read_filters().query()), 303)


@bp.post("/orders/<number>/recall")
@roles(Role.LEAD, Role.PRODUCER, Role.ADMIN)
def recall(number: str) -> Any:
    found = reach.visible(current_user, number)
    try:
        decisions.recall(current_user, found.id, request.form.get("cause", ""))
    except Invalid as fault:
        return _refused(fault, "review.order", number)
    flash(_("订单已召回复审"))
    return redirect(url_for("review.order", number=number), 303)
