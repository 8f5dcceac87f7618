"""How the installation does: queues, workers, what waits longest, disk, database, last sweep; and what is wrong."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.registry import FailedJobRegistry, StartedJobRegistry
from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from app.adapters.clock import now
from app.adapters.queue import QUEUES, connection
from app.extensions import db
from app.models import CheckState, Order, Outbox, Photo, Pulse
from app.rules.states import OrderState
from app.rules.text import N_
from app.services.students import student_requests
from app.services.unit import unit_of_work
from app.services.upkeep import retention

SWEEP_LATE = 300
"""Seconds after which a sweep is missed: it runs every minute."""

CHECK_LATE = 60
"""Seconds after which a photo waits too long for the machine."""

DISK_LOW = 0.10
"""Free share of the disk below which it is time to act."""

WORKER_SILENT = 120
"""Seconds without a heartbeat after which an idle worker is taken for dead; one with a job is silent till its end."""


@dataclass(frozen=True)
class QueueHealth:
    """One queue: jobs that wait, run and failed, and the seconds that the first one has waited."""

    name: str
    waiting: int
    running: int
    failed: int
    oldest: int


@dataclass(frozen=True)
class WorkerHealth:
    """One worker process: what it does and when it last said so."""

    name: str
    state: str
    job: str
    silent: int
    done: int
    failed: int


@dataclass(frozen=True)
class Health:
    """Everything the health page shows; `redis` False means that the queue server does not answer."""

    redis: bool
    queues: list[QueueHealth]
    workers: list[WorkerHealth]
    oldest_check: int
    waiting_checks: int
    gave_up: int
    oldest_review: int
    unsent_notices: int
    late_answers: int
    overdue_purges: int
    disk_free: int
    disk_total: int
    database: str
    database_bytes: int
    database_ms: float
    swept_at: datetime | None
    sweep: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sweep_age(self) -> int:
        """Seconds since the last sweep ended."""
        return _age(self.swept_at)

    @property
    def problems(self) -> list[tuple[str, dict[str, object]]]:
        """What somebody should act on: sentences with their values, the worst first."""
        alive = [worker for worker in self.workers if worker.job or worker.silent <= WORKER_SILENT]
        late = self.swept_at is None or self.sweep_age > SWEEP_LATE
        broken = [name for name, result in self.sweep.items() if isinstance(result, str)]
        found: tuple[tuple[bool, str, dict[str, object]], ...] = (
            (not self.redis, N_("任务服务没有应答；照片会保留在数据库中排队"), {}),
            (self.redis and not alive, N_("没有工作进程：照片不会被检测，请检查 workers.run"), {}),
            (late, N_("清理任务没有按时运行，请检查 flask sweep"), {}),
            (bool(broken), N_("清理任务的这些步骤出错：%(steps)s"), {"steps": ", ".join(broken)}),
            (self.oldest_check > CHECK_LATE, N_("有照片等待检测超过一分钟"), {}),
            (self.disk_free < DISK_LOW * self.disk_total, N_("磁盘空间不足 10%%"), {}),
            (self.late_answers > 0, N_("有 %(n)s 项删除申请超过答复期限"), {"n": self.late_answers}),
            (self.overdue_purges > 0, N_("%(n)s 个批次已过保留期限，请运行 flask purge"), {"n": self.overdue_purges}),
            (any(q.failed for q in self.queues), N_("有 %(n)s 个失败任务"), {"n": sum(q.failed for q in self.queues)}),
        )
        return [(sentence, values) for is_so, sentence, values in found if is_so]


def look() -> Health:
    """Measure now."""
    try:
        queues, workers, alive = _queues(), _workers(), True
    except RedisError:
        queues, workers, alive = [], [], False
    waiting = Photo.check_state.in_([CheckState.QUEUED.value, CheckState.RUNNING.value])
    oldest, number = db.session.execute(select(func.min(Photo.created_at), func.count()).where(waiting)).one()
    gave_up = select(func.count()).where(Photo.check_state == CheckState.GAVE_UP.value)
    in_review = select(func.min(Order.state_since)).where(Order.state == OrderState.PENDING_REVIEW.value)
    unsent = select(func.count()).where(Outbox.sent_at.is_(None), Outbox.not_before <= now())
    disk = shutil.disk_usage(current_app.instance_path)
    pulse = db.session.get(Pulse, "sweep")
    return Health(
        redis=alive,
        queues=queues,
        workers=workers,
        oldest_check=_age(oldest),
        waiting_checks=number,
        gave_up=db.session.scalar(gave_up) or 0,
        oldest_review=_age(db.session.scalar(in_review)),
        unsent_notices=db.session.scalar(unsent) or 0,
        late_answers=student_requests.overdue(),
        overdue_purges=retention.overdue(),
        disk_free=disk.free,
        disk_total=disk.total,
        database=db.engine.dialect.name,
        database_bytes=_database_bytes(),
        database_ms=answers(),
        swept_at=pulse.at if pulse else None,
        sweep=pulse.note if pulse else {},
    )


def answers() -> float:
    """Milliseconds that the database took to answer. Raises what the database raises when it does not."""
    start = time.perf_counter()
    db.session.execute(text("SELECT 1"))
    return (time.perf_counter() - start) * 1000


def beat(name: str, note: Mapping[str, Any]) -> None:
    """Write down that a repeated command ran to its end, and what it did."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    values = {"at": now(), "note": dict(note)}
    statement = dialect.insert(Pulse).values(name=name, **values)
    with unit_of_work():  # one statement: two sweeps may end at once
        db.session.execute(statement.on_conflict_do_update(index_elements=[Pulse.name], set_=values))


def _queues() -> list[QueueHealth]:
    found = []
    for name in QUEUES:
        queue = Queue(name, connection=connection(), serializer="json")
        first = queue.get_jobs(0, 1)
        running = StartedJobRegistry(queue=queue).get_job_count(cleanup=False)
        failed = FailedJobRegistry(queue=queue).get_job_count(cleanup=False)
        found.append(QueueHealth(name, queue.count, running, failed, _age(first[0].enqueued_at) if first else 0))
    return found


def _workers() -> list[WorkerHealth]:
    return [
        WorkerHealth(
            name=f"{worker.hostname or ''}:{worker.pid or ''}",
            state=str(worker.get_state()),
            job=worker.get_current_job_id() or "",
            silent=_age(worker.last_heartbeat),
            done=worker.successful_job_count or 0,
            failed=worker.failed_job_count or 0,
        )
        for worker in Worker.all(connection=connection(), serializer="json")
    ]


def _database_bytes() -> int:
    if db.engine.dialect.name == "postgresql":
        return int(db.session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages = db.session.scalar(text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"))
    return int(pages or 0)


def _age(moment: datetime | None) -> int:
    if moment is None:
        return 0
    return max(0, int((now() - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds()))
