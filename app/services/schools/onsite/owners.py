"""Whose photo a studio's file is: a CSV map says it, else the file's own name."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from app.extensions import db
from app.models import Campaign, Form, Order
from app.rules.faults import Invalid, NotFound
from app.rules.states import EDITABLE, LIVE, OrderState
from app.rules.text import N_

UNKNOWN = N_("文件名和对照表都没有对应到订单")
SEVERAL = N_("文件名对应多个订单")
NOT_EDITABLE = N_("订单当前状态不能更换照片")


def campaign(code: str) -> Campaign:
    """A campaign by its 特征码. Raises NotFound."""
    found = db.session.scalar(select(Campaign).where(Campaign.code == code))
    if found is None:
        raise NotFound(N_("没有这个批次"))
    return found


def read_map(data: bytes) -> dict[str, str]:
    """A studio's CSV map: file name, student number; a head is passed over. Raises Invalid for anything else."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline=None)) if any(row)]
        except csv.Error:
            raise Invalid(N_("这个 CSV 文件无法读取，请重新导出")) from None
        if any(len(row) < 2 for row in rows):
            raise Invalid(N_("对照表每行需要有文件名和学号两列"))
        return {Path(row[0].strip().replace("\\", "/")).name.casefold(): row[1].strip() for row in rows}
    raise Invalid(N_("对照表的编码无法识别，请另存为 UTF-8 的 CSV"))


def whose(campaign_id: int, name: str, told: str) -> tuple[Order | None, str]:
    """The order a file belongs to, and why it cannot go there. The map decides; else any part of the file's name."""
    stem = Path(name).stem
    words = [told] if told else [stem, *re.split(r"[_\s.,()（）+]+", stem)]
    orders = {order.id: order for word in dict.fromkeys(words) if word for order in by_student(campaign_id, word)}
    if not orders:
        return None, UNKNOWN
    if len(orders) > 1:
        return None, SEVERAL
    order = next(iter(orders.values()))
    return order, "" if OrderState(order.state) in EDITABLE else NOT_EDITABLE


def by_student(campaign_id: int, student_no: str) -> Sequence[Order]:
    """The live orders of a campaign with this student number."""
    return db.session.scalars(
        select(Order)
        .join(Form, Form.id == Order.form_id)
        .where(
            Order.campaign_id == campaign_id,
            Form.student_no == student_no,
            Order.state.in_([state.value for state in LIVE]),
        )
    ).all()
