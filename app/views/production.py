"""Production: what can be exported, dry runs, batches and what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.extensions import db
from app.models import Batch, Campaign
from app.rules.faults import NotFound
from app.rules.states import Role
from app.security import roles
from app.services import audit, batches
from app.services.transitions import Actor
from app.services.unit import unit_of_work

bp = Blueprint("production", __name__, url_prefix="/production")

PRODUCERS = (Role.PRODUCER, Role.ADMIN)


def _actor() -> Actor:
    return Actor(Role.PRODUCER, current_user.id)


@bp.get("/")
@roles(*PRODUCERS)
def index() -> Any:
    campaigns = db.session.query(Campaign).order_by(Campaign.id.desc()).all()
    ready = [(one, kind, _count(one, kind)) for one in campaigns for kind in one.kinds]
    made = db.session.query(Batch).order_by(Batch.id.desc()).limit(100).all()
    return render_template("production/index.html", ready=ready, batches=made)


def _count(campaign: Campaign, kind: str) -> int:
    return db.session.query(batches.eligible(campaign, kind).order_by(None).subquery()).count()


@bp.get("/dry-run/<int:campaign_id>/<any(chsi, diploma):kind>")
@roles(*PRODUCERS)
def dry_run(campaign_id: int, kind: str) -> Any:
    campaign = db.session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound
    count, problems = batches.preview(campaign, kind)
    return render_template("production/dry_run.html", campaign=campaign, kind=kind, count=count, problems=problems)


@bp.post("/export/<int:campaign_id>/<any(chsi, diploma):kind>")
@roles(*PRODUCERS)
def export(campaign_id: int, kind: str) -> Any:
    """Freeze now, build in a worker."""
    batch = batches.freeze(campaign_id, kind, _actor())
    if batch is None:
        flash(_("没有可导出的订单"))
        return redirect(url_for("production.index"), 303)
    batches.request_build(batch)
    return redirect(url_for("production.batch", number=batch.number), 303)


@bp.get("/batches/<number>")
@roles(*PRODUCERS)
def batch(number: str) -> Any:
    return render_template("production/batch.html", batch=batches.by_number(number), tick=0)


@bp.get("/batches/<number>/state")
@roles(*PRODUCERS)
def state(number: str) -> Any:
    found, tick = batches.by_number(number), request.args.get("tick", 0, type=int) + 1
    if found.state != "building":
        return "", 200, {"HX-Refresh": "true"}
    return render_template("production/_building.html", batch=found, tick=tick)


@bp.get("/batches/<number>/download")
@roles(*PRODUCERS)
def download(number: str) -> Response:
    found = batches.by_number(number)
    if found.kind != "chsi" or not found.path or not Path(found.path).is_file():
        raise NotFound(_("文件不在本机，请用 flask export-batch --batch 重新生成"))
    with unit_of_work():
        audit.note(current_user, "batch.downloaded", f"batch-{found.id}")
    path = Path(batches.by_number(number).path or "")
    return send_file(path, as_attachment=True, download_name=path.name)


@bp.post("/batches/<number>/hand-over")
@roles(*PRODUCERS)
def hand_over(number: str) -> Any:
    done = batches.hand_over(batches.by_number(number).id, _actor())
    flash(_("已交付，%(n)s 个订单完成", n=done))
    return redirect(url_for("production.batch", number=number), 303)


@bp.post("/batches/<number>/discard")
@roles(*PRODUCERS)
def discard(number: str) -> Any:
    batches.discard(batches.by_number(number).id, _actor(), request.form.get("cause", ""))
    flash(_("批次已作废，订单回到待制作"))
    return redirect(url_for("production.index"), 303)


@bp.get("/verify.html")
@roles(Role.PRODUCER, Role.ADMIN, Role.SCHOOL)
def verify_page() -> Response:
    """The self-contained page with which a receiver checks a batch offline."""
    page = Path(__file__).parent.parent / "export" / "page" / "verify.html"
    return send_file(page, as_attachment=True, download_name="verify.html", mimetype="text/html")
