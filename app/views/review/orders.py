"""One order for staff, search, unmasking, exemption and recall."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.rules.labels import STATE_LABELS
from app.rules.states import Role
from app.security import roles
from app.services import decisions, exemptions, staff_search
from app.views.review.blueprint import READERS, bp, read_filters
from app.views.review.panel import panel


@bp.get("/orders/<number>")
@roles(*READERS)
def order(number: str) -> Any:
    """One order as staff see it; reviewers may take it onto the desk."""
    found = staff_search.visible(current_user, number)
    return render_template("review/order.html", filters=read_filters(), **panel(found))


@bp.get("/search")
@roles(*READERS)
def search() -> Any:
    text = request.args.get("q", "")
    return render_template(
        "review/search.html", text=text, orders=staff_search.find(current_user, text), labels=STATE_LABELS
    )


@bp.post("/orders/<number>/identity")
@roles(*READERS)
def identity(number: str) -> Any:
    form = staff_search.unmask(current_user, number, request.form.get("cause", ""))
    return render_template("review/_identity.html", form=form)


@bp.post("/orders/<number>/exempt")
@roles(Role.LEAD)
def exempt(number: str) -> Any:
    found = staff_search.visible(current_user, number)
    code = request.form.get("code", "")
    if request.form.get("withdraw"):
        exemptions.withdraw(current_user, found.id, code)
    else:
        exemptions.grant(current_user, found.id, code, request.form.get("cause", ""))
    return redirect(url_for("review.open_order", number=number, **read_filters().query()), 303)


@bp.post("/orders/<number>/recall")
@roles(Role.LEAD, Role.PRODUCER, Role.ADMIN)
def recall(number: str) -> Any:
    found = staff_search.visible(current_user, number)
    decisions.recall(current_user, found.id, request.form.get("cause", ""))
    flash(_("订单已召回复审"))
    return redirect(url_for("review.order", number=number), 303)
