"""Jobs as people meet them: what failed and why, which order or batch it is about, and trying again.

Every job may run twice (each says in its docstring why that is harmless), so a retry never does anything a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import Job as RqJob
from rq.registry import FailedJobRegistry
from sqlalchemy import select

from app.adapters.queue import QUEUES, connection
from app.extensions import db
from app.models import Batch, CheckState, CodeImage, Order, Outbox, Payment, Photo, Refund, Staff
from app.rules.faults import Invalid
from app.rules.text import N_
from app.services import audit
from app.services.access import reach
from app.services.photos import prechecks
from app.services.unit import unit_of_work

SHOWN = 50


@dataclass(frozen=True)
class Kind:
    """What a job function does, in people's words, and what happens when it is tried again."""

    label: str
    again: str


KINDS: Mapping[str, Kind] = {
    "precheck.check_photo": Kind(N_("检测照片"), N_("照片还在等待时重新检测；已有结果则不做任何事")),
    "code.read_code": Kind(N_("识别采集码"), N_("图片还未识别时重新识别；已识别则不做任何事")),
    "export.build_batch": Kind(N_("生成批次文件"), N_("按冻结的名单重新生成，结果逐字节相同；已就绪则不变")),
    "notice.send": Kind(N_("发送通知"), N_("通知还没有发出时再发一次；已发出则不做任何事")),
    "money.drive_refund": Kind(N_("推进退款"), N_("用同一退款单号再询问一次；不会重复退款")),
    "roster.work": Kind(N_("导入名单"), N_("从中断处继续导入；已导入的不会重复")),
    "reminders.send_round": Kind(N_("发送提醒"), N_("补发还没有提醒到的人；已提醒的不会重复")),
}
UNKNOWN = Kind(N_("其他任务"), N_("重新运行；任务可重复执行而不产生重复结果"))


@dataclass(frozen=True)
class Job:
    """One job that failed. `order` or `batch` is the number of what it is about, where there is such a thing."""

    id: str
    queue: str
    kind: Kind
    error: str
    trace: str
    at: datetime | None
    order: str = ""
    batch: str = ""


@dataclass(frozen=True)
class Step:
    """Something the machine does or did for an order, as the database knows it."""

    what: str
    state: str
    at: datetime | None
    detail: str = ""
    failed: Job | None = None
    photo_id: int | None = None
    """Set where the photo can be looked at again."""


def failed(limit: int = SHOWN) -> tuple[list[Job], int]:
    """The latest failed jobs, the newest first, and how many there are in all. Raises RedisError."""
    found: list[tuple[str, RqJob]] = []
    total = 0
    for name in QUEUES:
        registry = FailedJobRegistry(queue=_queue(name))
        total += registry.get_job_count()
        ids = registry.get_job_ids(start=0, end=limit - 1, desc=True)
        fetched = RqJob.fetch_many(ids, connection=connection(), serializer="json")
        found += [(name, job) for job in fetched if job is not None]
    found.sort(key=lambda pair: str(pair[1].ended_at), reverse=True)
    return [_job(name, job) for name, job in found[:limit]], total


def failed_of(staff: Staff) -> tuple[list[Job], int]:
    """`failed` for this person: whoever is bound to schools sees what failed of these schools' orders."""
    rows, total = failed()
    if not staff.school_ids:
        return rows, total
    query = select(Order.number).where(Order.number.in_({job.order for job in rows}))
    mine = set(db.session.scalars(reach.narrowed(query, staff)))
    rows = [job for job in rows if job.order in mine]
    return rows, len(rows)


def _queue(name: str) -> Queue:
    return Queue(name, connection=connection(), serializer="json")


def _job(queue: str, job: RqJob) -> Job:
    result = job.latest_result()
    trace = (result.exc_string or "").strip() if result else ""
    function, args = _call(job)
    order, batch = _subject(function, args)
    last = trace.splitlines()[-1] if trace else ""
    return Job(job.id, queue, KINDS.get(function, UNKNOWN), last[:300], trace[-4000:], job.ended_at, order, batch)


def _call(job: RqJob) -> tuple[str, Sequence[Any]]:
    """What a job would call; nothing for one that somebody else put there and that nobody can read."""
    try:
        return (job.func_name or "").removeprefix("workers.jobs."), job.args
    except DeserializationError:
        return "", ()


def _subject(function: str, args: Sequence[Any]) -> tuple[str, str]:
    """The number of the order or batch that a job's first argument leads to; both may be empty."""
    if function not in _ORDER_OF or not args or not isinstance(args[0], int):
        return "", ""
    if function == "export.build_batch":
        return "", db.session.scalar(select(Batch.number).where(Batch.id == args[0])) or ""
    order_id = _ORDER_OF[function](args[0])
    return (db.session.scalar(select(Order.number).where(Order.id == order_id)) or "") if order_id else "", ""


def _order_of_notice(row_id: int) -> int | None:
    row = db.session.get(Outbox, row_id)
    return row.ids.get("order") if row else None


def _order_of_refund(refund_id: int) -> int | None:
    query = select(Payment.order_id).join(Refund, Refund.payment_id == Payment.id).where(Refund.id == refund_id)
    return db.session.scalar(query)


_ORDER_OF: Mapping[str, Callable[[int], int | None]] = {
    "precheck.check_photo": lambda photo_id: db.session.scalar(select(Photo.order_id).where(Photo.id == photo_id)),
    "code.read_code": lambda code_id: db.session.scalar(select(CodeImage.order_id).where(CodeImage.id == code_id)),
    "notice.send": _order_of_notice,
    "money.drive_refund": _order_of_refund,
    "export.build_batch": lambda _batch_id: None,
}


def of_order(order: Order) -> list[Step]:
    """What the machine did for an order, failures first. With Redis away the database's part is still told."""
    failures = _failures_of(order)
    steps = []
    for photo in order.photos:
        prefix = f"precheck-{photo.id}-"
        job = next((job for name, job in failures.items() if name.startswith(prefix)), None)
        detail = f"{prefix}{max(0, photo.attempt - 1)}"
        stuck = photo.id if photo.check_state == CheckState.GAVE_UP else None
        steps.append(
            Step(f"{photo.no}", photo.check_state, photo.checked_at or photo.created_at, detail, job, photo_id=stuck)
        )
    for code in order.codes:
        job = next((job for name, job in failures.items() if name.startswith(f"code-{code.id}-")), None)
        state = "done" if code.read_at else "running" if code.started_at else "queued"
        steps.append(Step("code", state, code.read_at or code.uploaded_at, code.fault or "", job))
    for job in failures.values():
        if not job.id.startswith(("precheck-", "code-")):
            steps.append(Step("other", "failed", job.at, job.id, job))
    return sorted(steps, key=lambda step: (step.failed is None, step.photo_id is None))


def _failures_of(order: Order) -> dict[str, Job]:
    try:
        rows, _total = failed(limit=500)
    except RedisError:
        return {}
    return {job.id: job for job in rows if job.order == order.number}


def retry(queue_name: str, job_id: str, staff: Staff) -> Kind:
    """Put a failed job back on its queue; returns what it does. Raises Invalid when it is no longer failed."""
    by_id = staff.id
    gone = Invalid(N_("该任务已不在失败列表中，可能已被重试或已完成"))
    queue = _queue(queue_name)
    if queue_name not in QUEUES or job_id not in FailedJobRegistry(queue=queue):
        raise gone
    try:
        job = FailedJobRegistry(queue=queue).requeue(job_id)
    except (NoSuchJobError, InvalidJobOperation):
        raise gone from None
    with unit_of_work():
        audit.note_id(by_id, "job.retried", job_id[:100])
    return KINDS.get(_call(job)[0], UNKNOWN)


def look_again(photo_id: int, staff: Staff) -> None:
    """Have a photo checked that the machine gave up on. Raises Invalid when it has a result or waits already."""
    by_id = staff.id
    with unit_of_work() as unit:
        photo = db.session.get(Photo, photo_id)
        if photo is None or photo.check_state != CheckState.GAVE_UP:
            raise Invalid(N_("这张照片已有检测结果或正在检测，无需重试"))
        photo.check_state = CheckState.QUEUED.value
        prechecks.queue_check(unit, photo)
        audit.note_id(by_id, "job.retried", f"photo-{photo_id}")
