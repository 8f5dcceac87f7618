"""Reasons for rejection, edited."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from app.models import Reason
from app.rules.faults import Invalid
from app.rules.fields import FIELDS
from app.rules.messages import LABELS
from app.rules.reasons import fill
from app.rules.states import Role
from app.security import roles
from app.services.review import reasons
from app.views import texts
from app.views.review.blueprint import bp

EDITORS = (Role.LEAD, Role.ADMIN)
COLUMNS = ("code", "label", "label_en", "text_zh", "text_en", "target", "check_code", "hotkey", "position")
SAMPLE = {"value": "42", "limit": "50"}


@bp.get("/reasons")
@roles(*EDITORS)
def reason_list() -> Any:
    return render_template("review/reasons.html", reasons=reasons.everything(), uses=reasons.uses())


@bp.get("/reasons/new")
@roles(*EDITORS)
def reason_new() -> Any:
    return _editor(None, {"target": "photo", "active": "1"}, {})


@bp.get("/reasons/<int:reason_id>")
@roles(*EDITORS)
def reason(reason_id: int) -> Any:
    row = reasons.get(reason_id)
    values = {name: str(getattr(row, name) if getattr(row, name) is not None else "") for name in COLUMNS}
    return _editor(row, values | {"active": "1" if row.active else ""}, {})


def _editor(row: Reason | None, values: dict[str, str], wrong: dict[str, str], status: int = 200) -> Any:
    page = render_template(
        "review/reason.html",
        reason=row,
        values=values,
        wrong=wrong,
        fields=FIELDS,
        checks=LABELS,
        versions=reasons.versions(row.id) if row else [],
        used=reasons.used(row.code) if row else False,
        **_preview(values),
    )
    return page, status


def _preview(values: dict[str, str]) -> dict[str, Any]:
    """Both texts as a student would read them, with made-up numbers."""
    texts = {lang: fill(values.get(f"text_{lang}", ""), SAMPLE) for lang in ("zh", "en")}
    return {"texts": texts, "target": values.get("target", "photo")}


@bp.post("/reasons/preview")
@roles(*EDITORS)
def reason_preview() -> Any:
    """What the student will read, while it is being written."""
    return render_template("review/_reason_preview.html", **_preview(request.form.to_dict()))


@bp.post("/reasons", defaults={"reason_id": None})
@bp.post("/reasons/<int:reason_id>")
@roles(*EDITORS)
def save_reason(reason_id: int | None) -> Any:
    values = request.form.to_dict()
    try:
        reasons.save(values, current_user, reason_id)
    except Invalid as fault:
        row = reasons.get(reason_id) if reason_id else None
        return _editor(row, ({"code": row.code} if row else {}) | values, fault.fields, 422)
    flash(_("已保存；之后的驳回使用新内容，已发出的驳回不变"))
    return redirect(url_for("review.reason_list"), 303)


@bp.post("/reasons/<int:reason_id>/delete")
@roles(*EDITORS)
def delete_reason(reason_id: int) -> Any:
    try:
        reasons.remove(reason_id, current_user)
        flash(_("已删除"))
    except Invalid as fault:
        flash(texts.told(fault), "error")
    return redirect(url_for("review.reason_list"), 303)
