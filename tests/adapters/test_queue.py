"""A job whose worker was killed never keeps its place: what waits in the database is queued again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.results import Result

from app.adapters.queue import connection, enqueue

JOB = "precheck-1-0"


@pytest.fixture
def queue(app: Flask) -> Queue:
    assert app
    return Queue("precheck", connection=connection(), serializer="json")


def _put() -> bool:
    return enqueue("precheck", "precheck.check_photo", 1, job_id=JOB)


def _taken(queue: Queue, seconds: int) -> Job:
    """What a worker leaves that took the job so long ago and was killed."""
    queue.connection.lpop(queue.key)
    job = queue.fetch_job(JOB)
    assert job is not None
    job.started_at = datetime.now(UTC) - timedelta(seconds=seconds)
    job.save()
    job.set_status(JobStatus.STARTED)
    return job


def test_what_waits_is_not_queued_twice(queue: Queue) -> None:
    assert (_put(), _put(), queue.job_ids) == (True, False, [JOB])


def test_what_was_taken_and_not_begun_is_queued_again(queue: Queue) -> None:
    _put()
    queue.connection.lpop(queue.key)
    assert (_put(), queue.job_ids) == (True, [JOB])


@pytest.mark.parametrize(("seconds", "again"), [(30, False), (90, True)])
def test_what_was_begun_is_queued_again_after_its_time_limit(queue: Queue, seconds: int, again: bool) -> None:
    _put()
    _taken(queue, seconds)
    assert (_put(), queue.job_ids) == (again, [JOB] if again else [])


def test_what_rq_has_tidied_away_is_queued_again(queue: Queue) -> None:
    _put()
    job = _taken(queue, 90)
    registry = StartedJobRegistry(queue=queue)
    with queue.connection.pipeline() as pipeline:
        job.prepare_for_execution("a killed worker", pipeline)
        pipeline.execute()
    queue.connection.zadd(registry.key, {f"{JOB}:1": 1})
    registry.cleanup()
    assert queue.fetch_job(JOB).get_status() is JobStatus.FAILED  # type: ignore[union-attr]
    assert (_put(), queue.job_ids) == (True, [JOB])


def test_what_failed_by_itself_waits_for_a_person(queue: Queue) -> None:
    _put()
    job = _taken(queue, 90)
    Result.create_failure(job, 60, "ValueError: no")
    job.set_status(JobStatus.FAILED)
    assert (_put(), queue.job_ids) == (False, [])
