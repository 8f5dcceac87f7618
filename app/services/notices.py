"""Notices to students behind the outbox: a row in the transaction that causes it, sent after, at least once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from flask import current_app
from sqlalchemy import delete, select, update

from app.adapters import mail
from app.adapters.clock import now
from app.adapters.queue import enqueue
from app.extensions import db
from app.models import Campaign, Order, Outbox, RosterEntry
from app.rules.states import UNFINISHED, OrderState
from app.rules.text import N_
from app.services import notice_channels
from app.services.schools import progress
from app.services.unit import Unit, unit_of_work

log = logging.getLogger(__name__)

TEXTS: Mapping[str, str] = {
    "submitted": N_("您的照片已提交"),
    "paid": N_("支付成功，等待审核"),
    "resubmitted": N_("您的照片已重新提交"),
    "appealed": N_("申诉已收到，将由另一位审核员处理"),
    "approved": N_("照片审核通过"),
    "rejected": N_("照片被驳回，请查看原因并修改"),
    "recalled": N_("审核结果已收回，您的照片正在重新审核"),
    "delivered": N_("照片已交付学校"),
    "refunded": N_("退款已受理"),
    "reminder": N_("您还没有完成毕业生图像采集"),
    "last_notice": N_("毕业生图像采集即将结束，请尽快完成，逾期订单将关闭"),
    "closed": N_("采集批次已结束或您已撤回同意，您的订单已关闭"),
    "deletion_granted": N_("您的数据删除申请已同意"),
    "deletion_refused": N_("您的数据删除申请有答复"),
    "code_granted": N_("采集码已转到您的订单"),
    "code_refused": N_("您的采集码申请有答复"),
    "code_taken": N_("您订单上的采集码已转出，请重新上传"),
}
REMINDERS = ("reminder", "last_notice")
"""Kinds that nobody gets who has nothing left to do."""

STANDS: Mapping[str, frozenset[OrderState]] = {
    "approved": frozenset({OrderState.PENDING_PRODUCTION, OrderState.IN_PRODUCTION, OrderState.COMPLETED}),
    "rejected": frozenset({OrderState.REJECTED}),
    "recalled": frozenset({OrderState.PENDING_REVIEW}),
} | dict.fromkeys(REMINDERS, UNFINISHED)
"""By kind the states in which it is still true when it is sent: an approval may be recalled before it is visible."""

ATTEMPTS = 5
WAITS = (60, 300, 1800, 7200)


def order_moved(unit: Unit, order: Order, kind: str, not_before: datetime | None = None) -> None:
    """Tell the student once that their order moved; `dedupe` is the order's version, so a retried job sends nothing."""
    orders_moved(unit, [order], kind, not_before)


def orders_moved(unit: Unit, orders: Sequence[Order], kind: str, not_before: datetime | None = None) -> None:
    """`order_moved` for many, written at once."""
    rows = [_row(kind, {"order": order.id}, f"{kind}-{order.id}-{order.version}", not_before)
            for order in orders if order.account_id is not None]  # fmt: skip
    _keep(unit, rows)


def tell(unit: Unit, kind: str, ids: Mapping[str, int], dedupe: str, not_before: datetime | None = None) -> None:
    """Tell somebody, once for each `dedupe`: `ids` names an order, or a roster entry (`entry`) with an address."""
    _keep(unit, [_row(kind, ids, dedupe, not_before)])


def _row(kind: str, ids: Mapping[str, int], dedupe: str, not_before: datetime | None) -> Outbox:
    return Outbox(dedupe=dedupe, kind=kind, ids=dict(ids), not_before=not_before or now())


def _keep(unit: Unit, rows: Sequence[Outbox]) -> None:
    """Written now, sent after the commit unless it is for later."""
    db.session.add_all(rows)
    db.session.flush()
    moment = now()
    for row_id in [row.id for row in rows if row.not_before <= moment]:
        unit.after_commit(partial(enqueue, "notice", "notice.send", row_id, job_id=f"notice-{row_id}-0"))


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
    """Send one row by the first channel that works: WeChat where the student allowed one more, else e-mail.

    The row is claimed first, by its attempts, with its next try already set: two senders never both send it, and a
    crash in between means a later try, not a lost notice.
    """
    row = db.session.get(Outbox, row_id)
    if row is None or row.sent_at is not None or row.not_before > now() or row.attempts >= ATTEMPTS:
        return "not due"
    order = db.session.get(Order, row.ids.get("order", 0))
    entry = db.session.get(RosterEntry, row.ids.get("entry", 0))
    kind = row.kind
    if _pointless(kind, order, entry):
        _drop(row_id)
        return "gone"
    if not _claim(row):
        return "taken"
    words = notice_channels.Words(kind, TEXTS[kind], row.ids.get("request", 0))
    channel, failure = notice_channels.deliver(order, words) if order else _write_to(entry, kind)
    with unit_of_work():
        kept = db.session.get_one(Outbox, row_id)
        kept.channel, kept.failure = channel or None, failure
        kept.sent_at = now() if channel else None
    return channel or failure


def _claim(row: Outbox) -> bool:
    row_id, seen = row.id, row.attempts
    again = now() + timedelta(seconds=WAITS[min(seen, len(WAITS) - 1)])
    with unit_of_work():
        done = db.session.execute(
            update(Outbox)
            .where(Outbox.id == row_id, Outbox.sent_at.is_(None), Outbox.attempts == seen)
            .values(attempts=seen + 1, not_before=again)
        )
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def _pointless(kind: str, order: Order | None, entry: RosterEntry | None) -> bool:
    """Whether there is nobody to tell (any more), or the order has moved on since: it is not true any longer."""
    if order is None:
        return entry is None or progress.begun(entry)
    if order.form is not None and not order.form.id_hmac:
        return True  # erased
    return OrderState(order.state) not in STANDS.get(kind, OrderState)


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
