"""One RQ worker process: `python -m workers.run`. It runs no native code itself; its checker child does."""

from __future__ import annotations

import logging
import signal
import sys

from redis import Redis
from rq import Queue, SimpleWorker
from rq.executions import Execution
from rq.job import Job

from app import create_app
from app.adapters.queue import QUEUES
from app.services.upkeep.health import WORKER_SILENT
from workers.checker import CheckerLost
from workers.jobs.checker_child import checker

log = logging.getLogger(__name__)


def main() -> int:
    """Work until told to stop, with the app's context, queues from most to least urgent."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("rq", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    app = create_app()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with app.app_context():
        redis = Redis.from_url(app.config["REDIS_URL"], socket_connect_timeout=5)
        queues = [Queue(name, connection=redis, serializer="json") for name in QUEUES]
        _warm_up()
        worker_for(queues, redis).work(logging_level="WARNING", with_scheduler=False)
    return 0


def _warm_up() -> None:
    """Have the checker child loaded before the first job: no student should wait for that. Without it, jobs say why."""
    try:
        checker().start()
    except CheckerLost:
        log.exception("checker_missing")


class AppWorker(SimpleWorker):
    """A worker that drops the database session after each job, so that none sees another's rows."""

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run the job, then let go of the session whatever happened."""
        from app.extensions import db

        try:
            return super().perform_job(job, queue, execution)
        finally:
            db.session.remove()


def worker_for(queues: list[Queue], redis: Redis) -> AppWorker:
    """A worker that speaks up while idle: RQ has it do so shortly before its time to live (seconds) ends."""
    return AppWorker(queues, connection=redis, serializer="json", worker_ttl=WORKER_SILENT // 2)


if __name__ == "__main__":
    sys.exit(main())
