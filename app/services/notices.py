"""Notices to students behind the outbox: a row in the transaction that causes it, sent after, at least once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import delete, select, update

from app.adapters import mail, wechat
from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.extensions import db
from app.models import Campaign, Order, Outbox, RosterEntry
from app.rules.faults import Fault
from app.rules.states import UNFINISHED, OrderState
from app.rules.text import N_
from app.services import accounts, progress
from app.services.unit import Unit, unit_of_work

log = logging.getLogger(__name__)

TEXTS: Mapping[str, str] = {
    "submitted": N_("您的照片已提交"),
    "paid": N_("支付成功，等待审核"),
    "resubmitted": N_("您的照片已重新提交"),
    "appealed": N_("申诉已收到，将由另一位审核员处理"),
    "approved": N_("照片审核通过"),
    "rejected": N_("照片被驳回，请查看原因并修改"),
    "delivered": N_("照片已交付学校"),
    "refunded": N_("退款已受理"),
    "reminder": N_("您还没有完成毕业生图像采集"),
    "last_notice": N_("毕业生图像采集即将结束，请尽快完成，逾期订单将关闭"),
    "closed": N_("采集批次已结束或您已撤回同意，您的订单已关闭"),
}
REMINDERS = ("reminder", "last_notice")
"""Kinds that nobody gets who has nothing left to do."""

ATTEMPTS = 5
WAITS = (60, 300, 1800, 7200)


def order_moved(unit: Unit, order: Order, kind: str, not_before: datetime | None = None) -> None:
    """Tell the student once that their order moved; `dedupe` is the order's version, so a retried job sends nothing."""
    if order.account_id is not None:
        tell(unit, kind, {"order": order.id}, f"{kind}-{order.id}-{order.version}", not_before)


def tell(unit: Unit, kind: str, ids: Mapping[str, int], dedupe: str, not_before: datetime | None = None) -> None:
    """Tell somebody, once for each `dedupe`: `ids` names an order, or a roster entry (`entry`) with an address."""
    due = not_before or now()
    row = Outbox(dedupe=dedupe, kind=kind, ids=dict(ids), not_before=due)
    db.session.add(row)
    db.session.flush()
    row_id = row.id
    if due <= now():
        unit.after_commit(lambda: enqueue("notice", "notice.send", row_id, job_id=f"notice-{row_id}-0"))


def cancel(order_id: int, kind: str, version: int) -> None:
    """Drop what was to be sent later about this order at this version: the decision was undone. Inside a unit."""
    db.session.execute(delete(Outbox).where(Outbox.dedupe == f"{kind}-{order_id}-{version}", Outbox.sent_at.is_(None)))


def send_due(limit: int = 200) -> int:
    """Send what is due. Returns how many were tried."""
    due = db.session.scalars(
        select(Outbox.id)
        .where(Outbox.sent_at.is_(None), Outbox.not_before <= now(), Outbox.attempts < ATTEMPTS)
        .order_by(Outbox.not_before)
        .limit(limit)
    ).all()
    for row_id in due:
        send(row_id)
    return len(due)


def send(row_id: int) -> str:
    """Send one row by the first channel that works: WeChat where the student allowed one more, else e-mail."""
    row = db.session.get(Outbox, row_id)
    if row is None or row.sent_at is not None or row.not_before > now():
        return "not due"
    order = db.session.get(Order, row.ids.get("order", 0))
    entry = db.session.get(RosterEntry, row.ids.get("entry", 0))
    if _pointless(row.kind, order, entry):
        _drop(row_id)
        return "gone"
    channel, failure = _deliver(order, row.kind) if order else _write_to(entry, row.kind)
    with unit_of_work():
        kept = db.session.get_one(Outbox, row_id)
        kept.attempts += 1
        kept.channel, kept.failure = channel or None, failure
        if channel:
            kept.sent_at = now()
        else:
            kept.not_before = now() + timedelta(seconds=WAITS[min(kept.attempts, len(WAITS)) - 1])
    return channel or failure


def _pointless(kind: str, order: Order | None, entry: RosterEntry | None) -> bool:
    """Whether there is nobody to tell, or a reminder is late: the student has done their part meanwhile."""
    if order is None:
        return entry is None or progress.begun(entry)
    return kind in REMINDERS and OrderState(order.state) not in UNFINISHED


def _drop(row_id: int) -> None:
    with unit_of_work():
        db.session.execute(delete(Outbox).where(Outbox.id == row_id, Outbox.sent_at.is_(None)))


def _write_to(entry: RosterEntry | None, kind: str) -> tuple[str, str]:
    """To a student who has not begun: where to begin, by the address that the school gave."""
    if entry is None or not entry.contact or not mail.ready():
        return "", "no channel"
    campaign = db.session.get_one(Campaign, entry.campaign_id)
    text = (
        f"{TEXTS[kind]}\n{campaign.school.name} · {campaign.name}\n{current_app.config['PUBLIC_URL']}/c/{campaign.code}"
    )
    try:
        mail.send(entry.contact, current_app.config["SITE_TITLE"], text)
    except OSError as error:
        return "", type(error).__name__
    return "email", ""


def _deliver(order: Order, kind: str) -> tuple[str, str]:
    order_id, number, text = order.id, order.number, TEXTS[kind]
    openid = accounts.pays_with(order.account_id or 0)
    address = order.form.email if order.form else ""
    if openid and order.notices_allowed > 0 and _take_allowance(order_id):
        try:
            page = f"{current_app.config['PUBLIC_URL']}/orders/{number}"
            wechat.send_message(openid, kind, page, {"thing1": text, "character_string2": number})
            return "wechat", ""
        except Fault:
            _give_back(order_id)
    if address and mail.ready():
        try:
            mail.send(address, current_app.config["SITE_TITLE"], f"{text}\n{current_app.config['PUBLIC_URL']}/orders")
            return "email", ""
        except OSError as error:
            return "", type(error).__name__
    return "", "no channel"


def _take_allowance(order_id: int) -> bool:
    """One consent of the student at WeChat is one message."""
    with unit_of_work():
        done = db.session.execute(
            update(Order)
            .where(Order.id == order_id, Order.notices_allowed > 0)
            .values(notices_allowed=Order.notices_allowed - 1)
        )
        return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def _give_back(order_id: int) -> None:
    with unit_of_work():
        db.session.execute(update(Order).where(Order.id == order_id).values(notices_allowed=Order.notices_allowed + 1))


def allow(order_id: int) -> None:
    """The student allowed one more WeChat message for this order."""
    with unit_of_work():
        db.session.execute(update(Order).where(Order.id == order_id).values(notices_allowed=Order.notices_allowed + 1))
