"""RQ as the services see it: jobs by dotted name, ids and plain values only, JSON on the wire."""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app
from redis import Redis
from rq import Queue
from rq.exceptions import DuplicateJobError

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
    try:
        Queue(queue, connection=connection(), serializer="json").enqueue(
            f"workers.jobs.{job}",
            *args,
            job_id=job_id,
            unique=True,
            job_timeout=_LIMITS[queue],
            result_ttl=60,
            failure_ttl=7 * 86400,
        )
    except DuplicateJobError:
        return False
    except Exception as error:
        log.warning("enqueue_failed queue=%s job_id=%s error=%s", queue, job_id, type(error).__name__)
        return False
    return True
