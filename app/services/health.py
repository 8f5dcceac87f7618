"""How the installation is doing: queues, workers, the oldest waiting photo, failed jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.registry import FailedJobRegistry
from sqlalchemy import func, select

from app.adapters.clock import now
from app.adapters.queue import QUEUES, connection
from app.extensions import db
from app.models import CheckState, Order, Outbox, Photo
from app.rules.states import OrderState


@dataclass(frozen=True)
class QueueHealth:
    """One queue: waiting and failed jobs."""

    name: str
    waiting: int
    failed: int


@dataclass(frozen=True)
class FailedJob:
    """One failed job, newest first; arguments are ids only."""

    id: str
    queue: str
    function: str
    error: str
    at: datetime | None


@dataclass(frozen=True)
class Health:
    """Everything the health page shows; `redis` False means that the queue server does not answer."""

    redis: bool
    queues: list[QueueHealth]
    workers: int
    failed: list[FailedJob]
    oldest_check_seconds: int
    oldest_review_seconds: int
    unsent_notices: int


def look() -> Health:
    """Measure now."""
    try:
        queues, workers, failed, alive = _queues(), Worker.count(connection=connection()), _failed(), True
    except RedisError:
        queues, workers, failed, alive = [], 0, [], False
    waiting = Photo.check_state.in_([CheckState.QUEUED.value, CheckState.RUNNING.value])
    oldest_check = db.session.scalar(select(func.min(Photo.created_at)).where(waiting))
    oldest_review = db.session.scalar(
        select(func.min(Order.state_since)).where(Order.state == OrderState.PENDING_REVIEW.value)
    )
    unsent = db.session.scalar(select(func.count()).where(Outbox.sent_at.is_(None), Outbox.not_before <= now())) or 0
    return Health(alive, queues, workers, failed, _age(oldest_check), _age(oldest_review), unsent)


def _queues() -> list[QueueHealth]:
    found = [Queue(name, connection=connection()) for name in QUEUES]
    return [QueueHealth(q.name, q.count, FailedJobRegistry(queue=q).get_job_count()) for q in found]


def _failed(limit: int = 20) -> list[FailedJob]:
    jobs: list[FailedJob] = []
    for name in QUEUES:
        queue = Queue(name, connection=connection(), serializer="json")
        for job_id in FailedJobRegistry(queue=queue).get_job_ids(desc=True, end=limit):
            job = queue.fetch_job(job_id)
            if job is None:
                continue
            result = job.latest_result()
            error = (result.exc_string or "").strip().splitlines()[-1:] if result else []
            jobs.append(FailedJob(job.id, name, job.func_name or "", error[0] if error else "", job.ended_at))
    return sorted(jobs, key=lambda job: str(job.at), reverse=True)[:limit]


def retry(queue_name: str, job_id: str) -> bool:
    """Put a failed job back on its queue. False when it is gone."""
    queue = Queue(queue_name, connection=connection(), serializer="json")
    if job_id not in FailedJobRegistry(queue=queue).get_job_ids():
        return False
    FailedJobRegistry(queue=queue).requeue(job_id)
    return True


def _age(moment: datetime | None) -> int:
    return int((now() - moment).total_seconds()) if moment else 0
