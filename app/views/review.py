"""The review console: queue, desk, gallery, search, reasons, figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.extensions import db
from app.models import Campaign, Decision, Exemption, Form, Order, Photo, School
from app.rules.faults import Fault, Invalid, NotFound, StaleOrder
from app.rules.fields import FIELDS
from app.rules.labels import STATE_LABELS
from app.rules.messages import APPEALABLE_NEVER, LABELS
from app.rules.states import OrderState, Role
from app.security import roles
from app.services import decisions, exemptions, reasons, review_queue, rosters, staff_search, statistics
from app.services.decisions import Judgement, Seen
from app.services.review_queue import Filters
from app.views import staff_pictures
from app.views.ruler import overlay
from app.views.student import send_photo

bp = Blueprint("review", __name__, url_prefix="/review")

REVIEWERS = (Role.REVIEWER, Role.LEAD)
READERS = (Role.REVIEWER, Role.LEAD, Role.PRODUCER, Role.SCHOOL, Role.FINANCE, Role.ADMIN)
ORDER_OF_VERDICTS = {"fail": 0, "warn": 1, "skipped": 2, "pass": 3}
GALLERY = 24
CONFIRM_ABOVE = 15
"""Approving more photos than this at once asks for the number to be typed."""


def _filters() -> Filters:
    args = request.values
    return Filters(
        school=args.get("school", type=int) or None,
        campaign=args.get("campaign", type=int) or None,
        verdict=args.get("verdict", ""),
        check=args.get("check", ""),
        reason=args.get("reason", ""),
        kind=args.get("kind", ""),
        sort=args.get("sort", ""),
    )


@bp.get("/")
@roles(*REVIEWERS)
def queue() -> Any:
    filters = _filters()
    return render_template(
        "review/queue.html",
        filters=filters,
        orders=review_queue.page(current_user, filters),
        total=review_queue.count(current_user, filters),
        schools=db.session.query(School).order_by(School.name).all(),
        campaigns=db.session.query(Campaign).order_by(Campaign.name).all(),
        reasons=reasons.everything(),
        checks=LABELS,
        address=staff_pictures.address,
    )


@bp.get("/desk")
@roles(*REVIEWERS)
def desk() -> Any:
    filters = _filters()
    order = review_queue.offer_next(current_user, filters)
    return render_template("review/desk.html", filters=filters, **_panel(order, filters))


@bp.get("/next")
@roles(*REVIEWERS)
def next_panel() -> Any:
    """Skip what is on the desk and show the next one."""
    filters, skip = _filters(), request.args.get("skip", type=int)
    if skip:
        review_queue.release(skip, current_user)
    order = review_queue.offer_next(current_user, filters, [skip] if skip else [])
    return render_template("review/_panel.html", filters=filters, **_panel(order, filters))


@bp.get("/orders/<number>")
@roles(*READERS)
def order(number: str) -> Any:
    """One order as staff see it; reviewers may take it onto the desk."""
    found = staff_search.visible(current_user, number)
    return render_template("review/order.html", filters=_filters(), **_panel(found, _filters(), leased=False))


@bp.get("/orders/<number>/desk")
@roles(*REVIEWERS)
def open_order(number: str) -> Any:
    found, filters = staff_search.visible(current_user, number), _filters()
    if OrderState(found.state) is OrderState.PENDING_REVIEW:
        review_queue.lease(found.id, current_user, take_over=request.args.get("take_over") == "1")
    found = staff_search.visible(current_user, number)
    return render_template("review/desk.html", filters=filters, **_panel(found, filters))


def _panel(found: Order | None, filters: Filters, *, leased: bool = True, sentence: str = "") -> dict[str, Any]:
    """Everything the panel draws for one order, in about a dozen queries."""
    facts: dict[str, Any] = {
        "order": found,
        "recent": decisions.recent(current_user),
        "undoable": decisions.undoable,
        "remaining": review_queue.count(current_user, filters) if leased else None,
        "sentence": sentence,
        "address": staff_pictures.address,
    }
    if found is None:
        return facts
    photo = found.photo
    checks = sorted(photo.checks if photo else [], key=lambda check: ORDER_OF_VERDICTS[check.verdict])
    history = _history(found)
    old = history[0] if history else None
    holder = review_queue.holder(found.id)
    return facts | {
        "photo": photo,
        "checks": [check for check in checks if check.verdict != "skipped"],
        "form": found.form,
        "fields": FIELDS,
        "entry": rosters.entry(found.campaign_id, found.form.student_no) if found.form else None,
        "reasons": reasons.active(),
        "suggested": reasons.suggested(photo),
        "history": history,
        "old": old,
        "old_photo": db.session.get(Photo, old.photo_id) if old and old.photo_id != found.photo_id else None,
        "old_form": db.session.get(Form, old.form_id) if old and old.form_id != found.form_id else None,
        "fixed": _fixed(old, photo),
        "drawing": overlay(photo) if photo and photo.settled and photo.width else None,
        "exemptions": db.session.query(Exemption).filter_by(order_id=found.id).all(),
        "exemptable": [code for code in LABELS if code not in APPEALABLE_NEVER and code != "duplicate"],
        "holder": holder,
        "mine": holder is not None and holder.id == current_user.id,
        "upcoming": review_queue.peek(current_user, filters, [found.id]) if leased else None,
    }


def _history(found: Order) -> list[Decision]:
    return (
        db.session.query(Decision)
        .filter_by(order_id=found.id, undone_at=None)
        .order_by(Decision.id.desc())
        .limit(10)
        .all()
    )


def _fixed(old: Decision | None, photo: Photo | None) -> dict[str, bool | None]:
    """For each reason of the last rejection whether the machine sees it fixed; None where it cannot tell."""
    if old is None or photo is None:
        return {}
    now = {check.code: check.verdict for check in photo.checks}
    related: dict[str, list[str]] = {}
    for code, reason in reasons.RELATED.items():
        related.setdefault(reason, []).append(code)
    found: dict[str, bool | None] = {}
    for reason in old.reasons:
        verdicts = [now[code] for code in related.get(reason.code, []) if code in now and now[code] != "skipped"]
        found[reason.code] = all(verdict == "pass" for verdict in verdicts) if verdicts else None
    return found


@bp.post("/orders/<int:order_id>/decide")
@roles(*REVIEWERS)
def decide(order_id: int) -> Any:
    """Decide and answer with the next panel; a conflict answers 409 with a fresh panel and one sentence."""
    form, filters = request.form, _filters()
    seen = Seen(order_id, form.get("version", 0, type=int), form.get("photo", 0, type=int))
    judgement = Judgement(
        outcome=form.get("outcome", ""),
        reasons=form.getlist("reason"),
        note=form.get("note", ""),
        ms=form.get("ms", 0, type=int),
        values={name.removeprefix("value-"): text for name, text in form.items() if name.startswith("value-")},
    )
    try:
        decisions.decide(current_user, seen, judgement)
    except StaleOrder as fault:
        fresh = db.session.get(Order, order_id)
        return _fragment(fresh, filters, _(fault.sentence)), 409
    except Fault as fault:
        return _fragment(db.session.get(Order, order_id), filters, _(fault.sentence, **fault.values)), 422
    return _fragment(review_queue.offer_next(current_user, filters), filters)


def _fragment(found: Order | None, filters: Filters, sentence: str = "") -> str:
    if not request.headers.get("HX-Request"):
        return render_template("review/desk.html", filters=filters, **_panel(found, filters, sentence=sentence))
    return render_template("review/_panel.html", filters=filters, **_panel(found, filters, sentence=sentence))


@bp.post("/decisions/<int:decision_id>/undo")
@roles(*REVIEWERS)
def undo(decision_id: int) -> Any:
    """Take a decision back and put the order on the desk again."""
    filters = _filters()
    try:
        found = decisions.undo(current_user, decision_id)
    except Fault as fault:
        return _fragment(None, filters, _(fault.sentence)), 409
    review_queue.lease(found.id, current_user)
    return _fragment(db.session.get(Order, found.id), filters, _("已撤销，可以重新判断"))


@bp.post("/orders/<int:order_id>/lease")
@roles(*REVIEWERS)
def renew(order_id: int) -> Any:
    return ("", 204) if review_queue.lease(order_id, current_user) else ("", 409)


@bp.post("/orders/<int:order_id>/release")
@roles(*REVIEWERS)
def release(order_id: int) -> Any:
    review_queue.release(order_id, current_user)
    return "", 204


@bp.post("/photos/<int:photo_id>/shown")
@roles(*READERS)
def shown(photo_id: int) -> Any:
    """The page says that the photo was on the screen: only now it counts as viewed."""
    purpose = request.form.get("purpose", "review")
    staff_search.saw_photo(current_user, photo_id, purpose if purpose in ("review", "gallery", "search") else "search")
    return "", 204


@bp.get("/picture/<token>")
@roles(*READERS)
def picture(token: str) -> Response:
    found = staff_pictures.read(token)
    photo = db.session.get(Photo, found[0]) if found else None
    if found is None or photo is None:
        raise NotFound
    response = send_photo(photo, found[1])
    if found[1] == "original":  # shown in the page, where the browser can
        response.headers.pop("Content-Disposition", None)
        response.content_type = "image/jpeg"
    return response


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="gallery")


@bp.get("/gallery")
@roles(*REVIEWERS)
def gallery() -> Any:
    filters = Filters(**(asdict(_filters()) | {"verdict": "passed"}))
    size = min(40, max(12, request.args.get("size", GALLERY, type=int)))
    orders = [order for order in review_queue.page(current_user, filters, size) if not review_queue.holder(order.id)]
    seen = [[order.id, order.version, order.photo_id] for order in orders]
    token = _serializer().dumps({"staff": current_user.id, "seen": seen})
    return render_template(
        "review/gallery.html",
        filters=filters,
        orders=orders,
        token=token,
        confirm=len(orders) > CONFIRM_ABOVE,
        total=review_queue.count(current_user, filters),
        address=staff_pictures.address,
    )


@bp.post("/gallery")
@roles(*REVIEWERS)
def approve_gallery() -> Any:
    """Approve what this person was shown, except what was taken out."""
    try:
        kept = _serializer().loads(request.form.get("token", ""), max_age=1800)
    except BadSignature:
        raise StaleOrder from None
    if kept["staff"] != current_user.id:
        raise NotFound
    seen = [Seen(*row) for row in kept["seen"]]
    out = {int(value) for value in request.form.getlist("out") if value.isdigit()}
    number = sum(one.order_id not in out for one in seen)
    if number > CONFIRM_ABOVE and request.form.get("typed", "").strip() != str(number):
        raise Invalid(_("请输入要通过的张数 %(n)s 以确认", n=number))
    made, sample, moved = decisions.approve_gallery(current_user, seen, out)
    flash(_("已通过 %(n)s 张，抽检保留 %(s)s 张，已变化 %(m)s 张", n=len(made), s=sample, m=moved))
    ids = json.dumps([decision.id for decision in made])
    return render_template("review/gallery_done.html", made=made, ids=ids, filters=_filters())


@bp.post("/gallery/undo")
@roles(*REVIEWERS)
def undo_gallery() -> Any:
    ids = [int(value) for value in json.loads(request.form.get("ids", "[]"))]
    flash(_("已撤销 %(n)s 张", n=decisions.undo_all(current_user, ids)))
    return redirect(url_for("review.queue"), 303)


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
    exemptions.grant(current_user, found.id, request.form.get("code", ""), request.form.get("cause", ""))
    flash(_("已豁免该项检测"))
    return redirect(url_for("review.open_order", number=number), 303)


@bp.post("/orders/<number>/recall")
@roles(Role.LEAD, Role.PRODUCER, Role.ADMIN)
def recall(number: str) -> Any:
    found = staff_search.visible(current_user, number)
    decisions.recall(current_user, found.id, request.form.get("cause", ""))
    flash(_("订单已召回复审"))
    return redirect(url_for("review.order", number=number), 303)


@bp.get("/reasons")
@roles(Role.LEAD, Role.ADMIN)
def reason_list() -> Any:
    return render_template("review/reasons.html", reasons=reasons.everything(), fields=FIELDS, values={}, wrong={})


@bp.post("/reasons")
@roles(Role.LEAD, Role.ADMIN)
def save_reason() -> Any:
    values = request.form.to_dict()
    try:
        reasons.save(values, current_user)
    except Invalid as fault:
        page = render_template(
            "review/reasons.html", reasons=reasons.everything(), fields=FIELDS, values=values, wrong=fault.fields
        )
        return page, 422
    flash(_("已保存"))
    return redirect(url_for("review.reason_list"), 303)


@bp.get("/figures")
@roles(Role.REVIEWER, Role.LEAD, Role.ADMIN)
def figures() -> Any:
    days = min(90, max(1, request.args.get("days", 7, type=int)))
    labels = {reason.code: reason.label for reason in reasons.everything()}
    return render_template("review/figures.html", figures=statistics.figures(days), days=days, labels=labels)
