"""Health page, jobs, and the guarded RQ dashboard."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.adapters.queue import QUEUES
from app.extensions import csrf
from app.rules.states import Role
from app.security import public, roles
from app.services import audit, health
from app.services.unit import unit_of_work

bp = Blueprint("ops", __name__, url_prefix="/ops")


@bp.get("/")
@roles(Role.ADMIN, Role.LEAD)
def index() -> Any:
    return render_template("ops/index.html", health=health.look())


@bp.post("/jobs/<queue>/<job_id>/retry")
@roles(Role.ADMIN)
def retry(queue: str, job_id: str) -> Any:
    if queue not in QUEUES:
        abort(404)
    if health.retry(queue, job_id):
        with unit_of_work():
            audit.note(current_user, "job.retried", job_id)
        flash(_("已重新排队"))
    else:
        flash(_("该任务已不在失败列表中"))
    return redirect(url_for("ops.index"), 303)


@bp.get("/alive")
@public
def alive() -> Any:
    """For a load balancer: the process answers and its database does."""
    return jsonify(alive=True)


def mount_dashboard(app: Flask) -> None:
    """The RQ dashboard at /ops/rq, for admins (app.security guards its blueprint).

    It sends no CSRF token, so it is exempt and relies on SameSite cookies; its one change by GET is refused.
    """
    import rq_dashboard

    app.config.from_object(rq_dashboard.default_settings)
    app.config["RQ_DASHBOARD_REDIS_URL"] = app.config["REDIS_URL"]
    app.config["RQ_DASHBOARD_DISABLE_DELETE"] = True
    rq_dashboard.web.setup_rq_connection(app)
    csrf.exempt(rq_dashboard.blueprint)
    app.before_request(_refuse_change_by_get)
    app.register_blueprint(rq_dashboard.blueprint, url_prefix="/ops/rq")


def _refuse_change_by_get() -> None:
    if request.blueprint != "rq_dashboard":
        return
    same_origin = request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    if (request.method == "GET" and "/requeue" in request.path) or (request.method != "GET" and not same_origin):
        current_app.logger.warning("dashboard_refused method=%s", request.method)
        abort(405)
