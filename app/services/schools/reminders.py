"""Reminders to students who have something left to do. Bounded, and they stop by themselves.

At most MOST to one student in a campaign and one in GAP, whoever asks; one last notice; none once a student is done:
that is looked at again when a message leaves (services.notices).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from app.adapters import mail
from app.adapters.clock import beijing, now
from app.adapters.queue import enqueue
from app.extensions import db
from app.models import Campaign, Form, NoticeConsent, Order, Reminder, RosterEntry, Staff
from app.rules.faults import ActionNotAllowed, Busy
from app.rules.states import UNFINISHED
from app.rules.text import N_
from app.services import audit, notices
from app.services.schools.progress import has_order
from app.services.unit import Unit, unit_of_work

MOST = 3
GAP = timedelta(days=3)
REMINDER, LAST_NOTICE = "reminder", "last_notice"
_CHUNK = 500


@dataclass
class Outcome:
    """What became of a round of reminders, in students."""

    sent: int = 0
    resting: int = 0  # reminded within the gap
    exhausted: int = 0  # had all they get
    unreachable: int = 0  # no way to write to them

    def add(self, other: Outcome) -> None:
        """Count another portion in."""
        self.sent += other.sent
        self.resting += other.resting
        self.exhausted += other.exhausted
        self.unreachable += other.unreachable


@dataclass(frozen=True)
class _Target:
    """Somebody to be reminded: an order, or a roster entry without one."""

    kind: str  # order | entry
    id: int
    reachable: bool
    since: datetime


def request(found: Campaign, staff: Staff, kind: str = REMINDER) -> None:
    """Have a worker send a round. Raises ActionNotAllowed after the end, Busy when the queue does not answer."""
    _may(found)
    campaign_id, staff_id, moment = found.id, staff.id, int(now().timestamp())
    with unit_of_work():
        audit.note_id(staff_id, f"campaign.{kind}", f"campaign-{campaign_id}")
    job_id = f"remind-{campaign_id}-{kind}-{moment // 60}"
    if not enqueue("export", "reminders.send_round", campaign_id, kind, staff_id, job_id=job_id):
        raise Busy(N_("提醒正在发送或队列繁忙，请一分钟后再试"))


def _may(found: Campaign) -> None:
    if found.closed_at is not None:
        raise ActionNotAllowed(N_("批次已结束，不再发送提醒"))


def send_round(campaign_id: int, kind: str = REMINDER, staff_id: int | None = None, gap: timedelta = GAP) -> Outcome:
    """Remind everybody who has something left to do and may be reminded. Harmless twice: the bounds hold."""
    whole = Outcome()
    for target_kind, ids in _candidates(campaign_id):
        for start in range(0, len(ids), _CHUNK):
            with unit_of_work() as unit:
                campaign = db.session.get_one(Campaign, campaign_id, with_for_update=True)
                _may(campaign)
                targets = _targets(campaign_id, target_kind, ids[start : start + _CHUNK])
                whole.add(_send(unit, campaign, targets, kind, staff_id, max(gap, GAP)))
    return whole


def _candidates(campaign_id: int) -> list[tuple[str, Sequence[int]]]:
    orders = select(Order.id).where(
        Order.campaign_id == campaign_id,
        Order.account_id.is_not(None),
        Order.state.in_([state.value for state in UNFINISHED]),
    )
    entries = select(RosterEntry.id).where(RosterEntry.campaign_id == campaign_id, ~has_order(campaign_id))
    return [("order", db.session.scalars(orders).all()), ("entry", db.session.scalars(entries).all())]


def _targets(campaign_id: int, kind: str, ids: Sequence[int]) -> list[_Target]:
    """The same students as they are now, in the transaction that writes."""
    if kind == "order":
        allowed = select(NoticeConsent.id).where(NoticeConsent.order_id == Order.id, NoticeConsent.used_at.is_(None))
        rows = db.session.execute(
            select(Order.id, allowed.exists(), Form.email, Order.state_since)
            .outerjoin(Form, Form.id == Order.form_id)
            .where(Order.id.in_(ids), Order.state.in_([state.value for state in UNFINISHED]))
        )
        return [
            _Target(kind, order_id, bool(consent or (email and mail.ready())), since)
            for order_id, consent, email, since in rows
        ]
    entries = db.session.scalars(select(RosterEntry).where(RosterEntry.id.in_(ids), ~has_order(campaign_id)))
    return [_Target(kind, entry.id, bool(entry.contact and mail.ready()), now()) for entry in entries]


def _send(
    unit: Unit, campaign: Campaign, targets: Sequence[_Target], kind: str, staff_id: int | None, gap: timedelta
) -> Outcome:
    outcome = Outcome()
    for target_kind in ("order", "entry"):
        chosen = [target for target in targets if target.kind == target_kind]
        had = _had(target_kind, [target.id for target in chosen], kind)
        for target in chosen:
            count, last = had.get(target.id, (0, None))
            if count >= (MOST if kind == REMINDER else 1):
                outcome.exhausted += 1
            elif kind == REMINDER and last is not None and last > now() - gap:
                outcome.resting += 1
            elif not target.reachable:
                outcome.unreachable += 1
            else:
                _write(unit, campaign.id, target, kind, staff_id)
                outcome.sent += 1
    return outcome


def _had(target_kind: str, ids: Sequence[int], kind: str) -> dict[int, tuple[int, datetime | None]]:
    """By order or entry: how many of this kind it had, and when the last one left, of whatever kind."""
    column = Reminder.order_id if target_kind == "order" else Reminder.roster_entry_id
    made: dict[int, tuple[int, datetime | None]] = {}
    for row in db.session.scalars(select(Reminder).where(column.in_(ids)).order_by(Reminder.id)):
        key = row.order_id if target_kind == "order" else row.roster_entry_id
        count, _ = made.get(int(key or 0), (0, None))
        made[int(key or 0)] = (count + (row.kind == kind), row.at)
    return made


def _write(unit: Unit, campaign_id: int, target: _Target, kind: str, staff_id: int | None) -> None:
    moment = now()
    field = "order_id" if target.kind == "order" else "roster_entry_id"
    db.session.add(Reminder(campaign_id=campaign_id, kind=kind, staff_id=staff_id, at=moment, **{field: target.id}))
    dedupe = f"{kind}-{target.kind}-{target.id}-{moment.timestamp():.0f}"
    notices.tell(unit, kind, {target.kind: target.id}, dedupe)


def due() -> int:
    """Send what the schedule asks for: automatic reminders, and the last notice before a campaign ends."""
    today, sent = beijing(now()).date(), 0
    running = db.session.scalars(
        select(Campaign).where(Campaign.closed_at.is_(None), Campaign.opens <= today, Campaign.closes >= today)
    ).all()
    for campaign in running:
        campaign_id, every, opens = campaign.id, campaign.remind_days, campaign.opens
        last = campaign.closes - timedelta(days=campaign.last_notice_days)
        if campaign.last_notice_days and campaign.last_notice_at is None and today >= last:
            sent += last_notice(campaign_id).sent
        elif every and today >= opens + timedelta(days=every):
            sent += send_round(campaign_id, gap=timedelta(days=every)).sent
    return sent


def last_notice(campaign_id: int, staff_id: int | None = None) -> Outcome:
    """Tell everybody unfinished, once, that the campaign ends."""
    outcome = send_round(campaign_id, LAST_NOTICE, staff_id)
    with unit_of_work():
        db.session.get_one(Campaign, campaign_id).last_notice_at = now()
    return outcome


def count(campaign_id: int) -> int:
    """How many reminders this campaign's students have got."""
    return db.session.scalar(select(func.count()).where(Reminder.campaign_id == campaign_id)) or 0
