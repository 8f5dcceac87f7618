"""Making and changing campaigns, their poster with the QR code, and their end."""

from __future__ import annotations

import io
from typing import Any

import segno
from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.models import Campaign, Rule
from app.rules.campaign_form import Wrong
from app.rules.faults import Invalid
from app.rules.states import Role
from app.security import roles
from app.services.schools import campaigns, endings, reminders, schools
from app.views.forms import sentences
from app.views.sign_in import qr_svg

bp = Blueprint("campaigns", __name__, url_prefix="/schools/campaigns")

READERS = (Role.SCHOOL, Role.ADMIN)


@bp.get("/new")
@roles(Role.ADMIN)
def new() -> Any:
    source = request.args.get("copy", "")
    if not source:
        return _editor(campaigns.blank(), {})
    found = schools.campaign(current_user, source)
    return _editor(campaigns.copied(found), {}, copied=found)


@bp.get("/<code>/edit")
@roles(Role.ADMIN)
def edit(code: str) -> Any:
    return _editor(campaigns.values_of(schools.campaign(current_user, code)), {}, code)


def _editor(
    values: dict[str, Any], wrong: Wrong, code: str = "", status: int = 200, copied: Campaign | None = None
) -> Any:
    told = {name: _(sentence, **facts) for name, (sentence, facts) in wrong.items()}
    sample = _names(values)
    sample["name_fault"] = told.get("naming") or sample["name_fault"]
    return render_template(
        "campaigns/edit.html",
        values=values,
        wrong=told,
        code=code,
        copied=copied,
        school_options=[(one.code, f"{one.code} {one.name}") for one, _count in schools.visible(current_user)],
        rule_options=[(one.id, _rule_label(one)) for one in campaigns.known_rules()],
        **sample,
    ), status


def _rule_label(rule: Rule) -> str:
    return _("%(code)s 第 %(n)s 版", code=rule.code, n=rule.version)


def _names(values: dict[str, Any]) -> dict[str, Any]:
    names, fault = campaigns.name_samples(
        str(values.get("naming", "")), str(values.get("school", "")), str(values.get("code", ""))
    )
    return {"names": names, "name_fault": _(fault[0], **fault[1]) if fault else ""}


@bp.post("/new")
@bp.post("/<code>/edit")
@roles(Role.ADMIN)
def save(code: str = "") -> Any:
    values, kinds = request.form.to_dict(), request.form.getlist("kinds")
    _parsed, wrong = campaigns.judge(values, kinds, code)
    if wrong:
        return _editor(values | {"kinds": kinds, "code": code or values.get("code", "")}, wrong, code, 422)
    found = campaigns.save(values, kinds, current_user, code)
    flash(_("已保存：%(name)s", name=found.name))
    return redirect(url_for("schools.campaign", code=found.code), 303)


@bp.get("/names")
@roles(Role.ADMIN)
def names() -> Any:
    """What the naming template in the form makes of three people."""
    return render_template("campaigns/_names.html", **_names(request.args.to_dict()))


def _link(found: Campaign) -> str:
    return str(current_app.config["PUBLIC_URL"]) + url_for("site.campaign", code=found.code)


@bp.get("/<code>/poster")
@roles(*READERS)
def poster(code: str) -> Any:
    found = schools.campaign(current_user, code)
    link = _link(found)
    return render_template("campaigns/poster.html", campaign=found, link=link, qr=qr_svg(link))


@bp.get("/<code>/qr.<any(png, svg):kind>")
@roles(*READERS)
def qr(code: str, kind: str) -> Response:
    """The 特征码's QR code as a picture, with a high level of repair: it is printed and stuck to walls."""
    found = schools.campaign(current_user, code)
    file = io.BytesIO()
    segno.make(_link(found), error="h", micro=False).save(file, kind=kind, scale=16, border=4)
    return Response(
        file.getvalue(),
        content_type="image/png" if kind == "png" else "image/svg+xml",
        headers={"Content-Disposition": f'attachment; filename="{found.code}.{kind}"'},
    )


@bp.get("/<code>/end")
@roles(Role.ADMIN)
def ending(code: str) -> Any:
    return _ending(code, {})


def _ending(code: str, wrong: dict[str, str], status: int = 200) -> Any:
    found = schools.campaign(current_user, code)
    return render_template("campaigns/end.html", campaign=found, ending=endings.plan(found), wrong=wrong), status


@bp.post("/<code>/end")
@roles(Role.ADMIN)
def end(code: str) -> Any:
    try:
        endings.end(code, request.form.get("typed", ""), current_user)
    except Invalid as fault:
        return _ending(code, sentences(fault), 422)
    flash(_("批次已结束，未完成的订单将在几分钟内关闭，已支付的款项原路退回"))
    return redirect(url_for("campaigns.ending", code=code), 303)


@bp.post("/<code>/reopen")
@roles(Role.ADMIN)
def reopen(code: str) -> Any:
    endings.reopen(code, current_user)
    flash(_("批次已重新开放"))
    return redirect(url_for("schools.campaign", code=code), 303)


@bp.post("/<code>/last-notice")
@roles(Role.ADMIN)
def last_notice(code: str) -> Any:
    reminders.request(schools.campaign(current_user, code), current_user, reminders.LAST_NOTICE)
    flash(_("正在发送最后通知，每位学生只会收到一次"))
    return redirect(url_for("campaigns.ending", code=code), 303)
