"""The demo page: every sign-in one click away. Registered in demo mode only."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, abort, redirect, render_template, send_file, session, url_for
from flask_login import login_user

from app.demo.people import ABSENT, CAMPAIGN_CODE
from app.demo.staff import DEMO_STAFF
from app.rules.states import Role
from app.rules.text import N_
from app.security import public
from app.services.access import staff as people
from app.services.students import accounts
from app.views.staff import let_in

bp = Blueprint("demo", __name__, url_prefix="/demo")


DOES = {
    Role.REVIEWER: N_("逐张审核照片：通过、驳回、撤销、批量通过"),
    Role.LEAD: N_("另加申诉、豁免、召回和审核统计"),
    Role.PRODUCER: N_("生成、核对和交付批次，现场照片"),
    Role.SCHOOL: N_("只看本校：进度、名单、批次下载与签收"),
    Role.FINANCE: N_("支付、退款、对账"),
    Role.ADMIN: N_("学校、批次、规则、人员、日志、运行"),
}
"""What somebody in a role comes to do here."""
SAMPLES = {
    "code": (N_("图像采集码"), N_("二维码图片")),
    "good": (N_("合格的照片"), N_("浅蓝色背景，通常当场初审合格")),
    "open_mouth": (N_("张嘴的照片"), N_("不合格，可申请人工审核")),
    "tilted": (N_("歪头的照片"), N_("不合格，可申请人工审核")),
    "wrong_wall": (N_("背景不对的照片"), N_("不合格，可申请人工审核")),
}
"""What a student of the demo uploads."""


@bp.get("/")
@public
def index() -> Any:
    doors = [(name, DOES[role], label) for name, role, label in DEMO_STAFF]
    person = ABSENT[0]
    newcomer = {"name": person.name, "student_no": person.student_no, "id_no": person.id_no}
    told = {"samples": SAMPLES, "campaign_code": CAMPAIGN_CODE, "newcomer": newcomer}
    return render_template("demo/index.html", staff=doors, **told)


@bp.get("/samples/<name>")
@public
def sample(name: str) -> Any:
    """One newly drawn file to upload as a student."""
    if name not in SAMPLES:
        abort(404)
    from app.demo.samples import sample as draw  # brings numpy, which no other page needs

    data, file_name = draw(name)
    return send_file(io.BytesIO(data), download_name=file_name, as_attachment=True, max_age=0)


@bp.post("/staff/<name>")
@public
def staff(name: str) -> Any:
    if name not in {person[0] for person in DEMO_STAFF}:
        abort(404)
    let_in(people.by_name(name))
    return redirect(url_for("staff.home"), 303)


@bp.post("/student")
@public
def student() -> Any:
    """The demo student with the most orders to look at: the first account."""
    found = accounts.first()
    locale = session.get("locale")
    session.clear()
    if locale:
        session["locale"] = locale
    login_user(found)
    return redirect(url_for("site.home"), 303)
