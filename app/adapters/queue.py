"""RQ as the services see it: jobs by dotted name, ids and plain values only, JSON on the wire."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from flask import current_app
from redis import Redis
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.job import Job, JobStatus

log = logging.getLogger(__name__)

QUEUES = ("precheck", "code", "export", "notice")
"""In order of urgency; a worker serves them from left to right."""

_LIMITS = {"precheck": 60, "code": 60, "export": 3600, "notice": 60}  # seconds


def connection() -> Redis:
    """The running app's Redis, with short time-outs for the web (a worker opens its own)."""
    redis: Redis = current_app.extensions["redis"]
    return redis


def enqueue(queue: str, job: str, *args: Any, job_id: str) -> bool:
    """Ask a worker to run `workers.jobs.<job>(*args)`. True when queued, False when it already was.

    A Redis that does not answer is logged and gives False: `flask sweep` queues again what still waits in the database.
    """
    there = Queue(queue, connection=connection(), serializer="json")
    put = partial(
        there.enqueue,
        f"workers.jobs.{job}",
        *args,
        job_id=job_id,
        unique=True,
        job_timeout=_LIMITS[queue],
        result_ttl=60,
        failure_ttl=7 * 86400,
    )
    try:
        return _unless_there(put) or (_clear_abandoned(there, job_id) and _unless_there(put))
    except Exception as error:
        log.warning("enqueue_failed queue=%s job_id=%s error=%s", queue, job_id, type(error).__name__)
        return False


def _unless_there(put: Callable[[], object]) -> bool:
    try:
        put()
    except DuplicateJobError:
        return False
    return True


def _clear_abandoned(queue: Queue, job_id: str) -> bool:
    """Take away a job whose worker was killed, so that it can be queued again; whether it was one.

    A worker can die between taking a job off the queue and beginning it, or before its first write: then the database
    waits and RQ holds the job's name, as queued, as started or, after its own tidying, as failed.
    """
    if queue.connection.lpos(queue.key, job_id) is not None:
        return False  # it waits: of thousands, when a sweep comes by in the season
    job = queue.fetch_job(job_id)
    if job is None:
        return True  # it ended just now
    if not _is_abandoned(job, _LIMITS[queue.name]):
        return False
    job.delete()
    return True


def _is_abandoned(job: Job, limit: int) -> bool:
    """Whether nobody can still be at a job that is not on its queue."""
    status = job.get_status(refresh=False)
    if status is JobStatus.QUEUED:
        return True
    if status is JobStatus.STARTED:
        return job.started_at is None or is_overdue(job.started_at, limit)
    result = job.latest_result() if status is JobStatus.FAILED else None
    return result is not None and "AbandonedJobError" in (result.exc_string or "")


def is_overdue(begun: datetime, limit: int) -> bool:
    """Whether a job that began then cannot still be running: RQ ends each after its limit (seconds)."""
    return datetime.now(UTC) - begun > timedelta(seconds=limit)
