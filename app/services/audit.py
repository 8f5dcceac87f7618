"""One row for each thing a member of staff did that is not an order's event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from app.adapters.clock import BEIJING
from app.extensions import db
from app.models import Audit, Staff
from app.rules.text import N_
from app.services.unit import unit_of_work

PAGE = 100

LABELS: Mapping[str, str] = {
    "account.erased": N_("清除学生账号"),
    "batch.acknowledged": N_("签收批次"),
    "batch.discarded": N_("作废批次"),
    "batch.downloaded": N_("下载批次"),
    "batch.handed_over": N_("交付批次"),
    "batch.link_revoked": N_("撤销批次下载链接"),
    "batch.link_made": N_("生成批次下载链接"),
    "campaign.ended": N_("结束采集批次"),
    "campaign.purged": N_("清除到期的个人数据"),
    "campaign.reopened": N_("重新开放采集批次"),
    "campaign.saved": N_("修改采集批次"),
    "code.granted": N_("同意转移采集码"),
    "code.help_wanted": N_("学生申请人工处理采集码"),
    "code.refused": N_("拒绝转移采集码"),
    "code.shown": N_("查看采集码图片"),
    "code.taken": N_("采集码转给另一订单"),
    "deletion.carried_out": N_("完成数据删除"),
    "deletion.granted": N_("同意删除数据"),
    "deletion.refused": N_("拒绝删除数据"),
    "exemption.granted": N_("豁免检测项"),
    "exemption.withdrawn": N_("撤销豁免"),
    "campaign.rule_changed": N_("更换采集批次的照片规则"),
    "identity.shown": N_("查看完整证件信息"),
    "job.retried": N_("重试任务"),
    "reason.deleted": N_("删除驳回原因"),
    "reason.saved": N_("修改驳回原因"),
    "roster.cleared": N_("清空学生名单"),
    "roster.imported": N_("导入学生名单"),
    "roster.uploaded": N_("上传学生名单"),
    "school.saved": N_("修改学校"),
    "rule.made": N_("新建照片规则版本"),
    "second_factor.codes_renewed": N_("更换恢复码"),
    "second_factor.off": N_("关闭两步验证"),
    "second_factor.on": N_("启用两步验证"),
    "second_factor.recovery_used": N_("使用恢复码登录"),
    "staff.activated": N_("启用账号"),
    "staff.created": N_("新建账号"),
    "staff.deactivated": N_("停用账号"),
    "staff.password_changed": N_("修改密码"),
    "staff.recovered": N_("重置密码"),
    "staff.recovered_with_second_factor": N_("重置密码和两步验证"),
    "staff.scope_changed": N_("修改角色或学校"),
    "staff.sessions_ended": N_("结束全部登录"),
    "staff.signed_in": N_("登录"),
    "students.downloaded": N_("下载学生名单"),
}
"""What actions are called; one that is missing here is shown by its own name."""


@dataclass(frozen=True)
class Filters:
    """What part of the log is wanted; `day` bounds are Beijing days, both included."""

    staff: int | None = None
    action: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""
    before: int | None = None

    @classmethod
    def read(cls, args: Mapping[str, str]) -> Filters:
        """From an address; what cannot be understood is left out."""
        return cls(
            staff=_whole(args.get("staff")),
            action=args.get("action", ""),
            subject=args.get("subject", "").strip(),
            since=_day(args.get("since")),
            until=_day(args.get("until")),
            before=_whole(args.get("before")),
        )

    def query(self) -> dict[str, Any]:
        """The filters that are set, for addresses; the page is not among them."""
        return {name: value for name, value in vars(self).items() if value and name != "before"}


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 16 else None


def _day(text: str | None) -> str:
    try:
        return date.fromisoformat(text or "").isoformat()
    except ValueError:
        return ""


def note(staff: Staff | None, action: str, subject: str, cause: str = "") -> None:
    """Write an audit row in the open unit. `subject` is like `campaign-7`: ids, never names or numbers of people."""
    db.session.add(Audit(staff_id=staff.id if staff else None, action=action, subject=subject, cause=cause))


def note_id(staff_id: int | None, action: str, subject: str, cause: str = "") -> None:
    """As `note`, where only the id is at hand."""
    db.session.add(Audit(staff_id=staff_id, action=action, subject=subject, cause=cause))


def record(staff: Staff, action: str, subject: str, cause: str = "") -> None:
    """Add a row in a transaction of its own, for what changes nothing else."""
    with unit_of_work():
        note(staff, action, subject, cause)


def latest(filters: Filters, limit: int = PAGE) -> list[tuple[Audit, str]]:
    """The newest rows that fit, each with the actor's name."""
    query = select(Audit, Staff.name).outerjoin(Staff, Staff.id == Audit.staff_id).order_by(Audit.id.desc())
    if filters.staff:
        query = query.where(Audit.staff_id == filters.staff)
    if filters.action:
        query = query.where(Audit.action == filters.action)
    if filters.subject:
        query = query.where(Audit.subject == filters.subject)
    if filters.since:
        query = query.where(Audit.at >= _start(filters.since))
    if filters.until:
        query = query.where(Audit.at < _start(filters.until) + timedelta(days=1))
    if filters.before:
        query = query.where(Audit.id < filters.before)
    return [(row, name or "") for row, name in db.session.execute(query.limit(limit))]


def _start(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.min, BEIJING).astimezone(UTC)


def actions() -> Sequence[str]:
    """Every action that the log knows of, or may."""
    return sorted(set(db.session.scalars(select(Audit.action).distinct())) | set(LABELS))
