"""Health page, jobs, and the guarded RQ dashboard."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import csrf
from app.rules.faults import Busy, Invalid
from app.rules.states import Role
from app.security import public, roles
from app.services.access import reach
from app.services.upkeep import health, jobs
from app.views import texts

bp = Blueprint("ops", __name__, url_prefix="/ops")

OPERATORS = (Role.ADMIN, Role.LEAD)


@bp.get("/")
@roles(*OPERATORS)
def index() -> Any:
    """How things are, failures first."""
    try:
        failed, total = jobs.failed_of(current_user)
    except RedisError:
        failed, total = [], 0
    return render_template("ops/index.html", health=health.look(), failed=failed, total=total)


@bp.get("/orders/<number>")
@roles(*OPERATORS)
def order(number: str) -> Any:
    """What the machine did for one order."""
    found = reach.visible(current_user, number)
    return render_template("ops/order.html", order=found, steps=jobs.of_order(found))


@bp.post("/jobs/<queue>/<job_id>/retry")
@roles(Role.ADMIN)
def retry(queue: str, job_id: str) -> Any:
    try:
        kind = jobs.retry(queue, job_id, current_user)
        flash(_("已重新排队：%(what)s", what=_(kind.again)))
    except Invalid as fault:
        flash(texts.told(fault), "error")
    except RedisError:
        raise Busy from None
    return _back()


@bp.post("/photos/<int:photo_id>/look-again")
@roles(Role.ADMIN)
def look_again(photo_id: int) -> Any:
    try:
        jobs.look_again(photo_id, current_user)
        flash(_("已重新排队检测"))
    except Invalid as fault:
        flash(texts.told(fault), "error")
    return _back()


def _back() -> Any:
    """To the order's jobs where the button stood, else to the health page."""
    number = request.form.get("order", "")
    return redirect(url_for("ops.order", number=number) if number else url_for("ops.index"), 303)


@bp.get("/alive")
@public
def alive() -> Any:
    """For a load balancer: the process answers and its database does; 503 when it does not."""
    try:
        health.answers()
    except SQLAlchemyError:
        return jsonify(alive=False), 503
    return jsonify(alive=True)


def mount_dashboard(app: Flask) -> None:
    """The RQ dashboard at /ops/rq, for admins (app.security guards its blueprint).

    It sends no CSRF token, so it is exempt; what changes something has to come from our own pages, and its one change
    by GET is refused.
    """
    import rq_dashboard

    app.config.from_object(rq_dashboard.default_settings)
    app.config["RQ_DASHBOARD_REDIS_URL"] = app.config["REDIS_URL"]
    app.config["RQ_DASHBOARD_DISABLE_DELETE"] = True
    rq_dashboard.web.setup_rq_connection(app)
    csrf.exempt(rq_dashboard.blueprint)
    app.before_request(_guard_dashboard)
    app.register_blueprint(rq_dashboard.blueprint, url_prefix="/ops/rq")


def _guard_dashboard() -> None:
    if request.blueprint != "rq_dashboard":
        return
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    if ("/requeue" in request.path and not changes) or (changes and not _from_our_pages()):
        current_app.logger.warning("dashboard_refused method=%s", request.method)
        abort(405)


def _from_our_pages() -> bool:
    """Whether a browser says that one of our pages sent this: by Sec-Fetch-Site, else by Origin; silence is a no."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "")
    return site == "same-origin" if site else origin.partition("://")[2] == request.host
