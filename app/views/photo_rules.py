"""Photo rules: every version to be seen, and new ones made from old ones."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.models import Rule
from app.rules import rule_edit
from app.rules.faults import Invalid
from app.rules.messages import LABELS
from app.rules.states import Role
from app.security import roles
from app.services.photos import rules
from app.views import texts

bp = Blueprint("photo_rules", __name__, url_prefix="/rules")


@bp.get("/")
@roles(Role.ADMIN)
def index() -> Any:
    return render_template("photo_rules/index.html", rows=rules.everything())


@bp.get("/<code>/<int:number>")
@roles(Role.ADMIN)
def version(code: str, number: int) -> Any:
    """One version, what it changed, and where it is in force."""
    rule = rules.version(code, number)
    source = rules.source(rule)
    return render_template(
        "photo_rules/version.html",
        rule=rule,
        source=source,
        differences=rule_edit.differences(source.body, rule.body) if source else [],
        campaigns=rules.users(rule),
        **_texts(rule, {}),
    )


def _texts(rule: Rule, typed: dict[str, str]) -> dict[str, Any]:
    return {
        "values": rule_edit.flat(rule.body) | typed,
        "places": rule_edit.PLACES,
        "limits": rule.body["limits"],
        "backgrounds": list(rule.body["backgrounds"]),
        "place_label": place_label,
    }


def place_label(place: str) -> str:
    """What a place in a rule is called."""
    part, _sep, rest = place.partition(".")
    if part == "backgrounds":
        return _("背景色") + " " + rest
    if part == "limits":
        code, kind, end = rest.split(".")
        name = _(LABELS.get(code) or rule_edit.MEASURES.get(code, code))
        return f"{name} · {_('仅提示') if kind == 'warn' else _('判不合格')} {_('上限') if end == '1' else _('下限')}"
    return _(rule_edit.PLACES.get(place, place))


@bp.get("/<code>/<int:number>/new")
@roles(Role.ADMIN)
def new(code: str, number: int) -> Any:
    return _editor(rules.version(code, number), {}, {})


def _editor(source: Rule, typed: dict[str, str], wrong: dict[str, str], sentence: str = "", status: int = 200) -> Any:
    body, _faults = rules.draft(source, typed)
    page = render_template(
        "photo_rules/new.html",
        source=source,
        typed=typed,
        wrong=wrong,
        sentence=sentence,
        differences=rule_edit.differences(source.body, body) if not wrong else [],
        **_texts(source, typed),
    )
    return page, status


@bp.post("/<code>/<int:number>/new")
@roles(Role.ADMIN)
def make(code: str, number: int) -> Any:
    """Show what would change; with `save` make the version."""
    source, typed = rules.version(code, number), request.form.to_dict()
    if typed.get("what") != "save":
        _body, wrong = rules.draft(source, typed)
        return _editor(source, typed, wrong, status=422 if wrong else 200)
    try:
        made = rules.make(source.id, typed, current_user)
    except Invalid as fault:
        return _editor(rules.version(code, number), typed, fault.fields, texts.told(fault), 422)
    flash(_("已生成 %(code)s 第 %(n)s 版；在采集批次中选用后，只对之后上传的照片生效", code=made.code, n=made.version))
    return redirect(url_for("photo_rules.version", code=made.code, number=made.version), 303)
