"""Jobs and health on a real Redis: what failed is told with its order, tried again once, and what is wrong is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from rq import Queue, SimpleWorker

from app.adapters.clock import now
from app.adapters.queue import connection, enqueue
from app.extensions import db
from app.models import Audit, Outbox, Photo, Pulse
from app.rules.faults import Invalid
from app.rules.states import OrderState, Role
from app.services.upkeep import health, jobs, sweep
from tests.factories import Cast, make_order, make_school, make_staff, sign_in
from tests.services.test_unit import in_threads
from workers import run


def _work(*queues: str) -> None:
    """A real worker, until nothing is left."""
    found = [Queue(name, connection=connection(), serializer="json") for name in queues]
    SimpleWorker(found, connection=connection(), serializer="json").work(burst=True, logging_level="CRITICAL")


def _fail(queue: str, function: str, *args: object, job_id: str) -> None:
    """A job that fails: its module has no such function, or its row is broken."""
    enqueue(queue, function, *args, job_id=job_id)
    _work(queue)


@pytest.fixture
def broken(app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> str:
    """An order whose notice failed; returns its number."""
    from workers.jobs import notice

    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    row = Outbox(dedupe="x", kind="paid", ids={"order": order.id})
    db.session.add(row)
    db.session.commit()
    with monkeypatch.context() as patch:
        patch.setattr(notice.notices, "send", _explode)
        _fail("notice", "notice.send", row.id, job_id=f"notice-{row.id}-0")
    return order.number


def _explode(_id: int) -> str:
    raise RuntimeError("the mail server is on fire")


def test_a_failed_job_is_told_with_its_error_and_its_order(broken: str) -> None:
    [job], total = jobs.failed()
    assert total == 1
    assert job.error == "RuntimeError: the mail server is on fire"
    assert "Traceback" in job.trace
    assert (job.order, job.kind) == (broken, jobs.KINDS["notice.send"])


def test_who_is_bound_to_a_school_sees_what_failed_there(broken: str, cast: Cast) -> None:
    assert [job.order for job in jobs.failed_of(make_staff(Role.LEAD, cast.school))[0]] == [broken]
    assert jobs.failed_of(make_staff(Role.LEAD, make_school("10002"))) == ([], 0)
    assert jobs.failed_of(cast.lead)[1] == 1


def test_a_job_that_nobody_can_read_hides_no_other(app: Flask, cast: Cast, broken: str) -> None:
    strange = Queue("notice", connection=connection()).enqueue("workers.jobs.notice.send", 1)  # pickled, not JSON
    _work("notice")
    found, total = jobs.failed()
    assert total == 2
    assert {(job.id == strange.id, job.kind, job.order) for job in found} == {
        (True, jobs.UNKNOWN, ""),
        (False, jobs.KINDS["notice.send"], broken),
    }
    admin = sign_in(app.test_client(), cast.admin)
    assert strange.id in admin.get("/ops/").text
    assert jobs.retry("notice", strange.id, cast.admin) is jobs.UNKNOWN


def test_from_an_order_to_its_jobs_failures_first(app: Flask, cast: Cast, broken: str) -> None:
    from app.models import Order

    order = db.session.query(Order).filter_by(number=broken).one()
    steps = jobs.of_order(order)
    assert steps[0].failed is not None
    assert {step.what for step in steps} == {"other", "1", "code"}
    other = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    assert not any(step.failed for step in jobs.of_order(other))


def test_a_retry_happens_once_however_often_it_is_pressed(cast: Cast, broken: str) -> None:
    [job], _total = jobs.failed()
    kind = jobs.retry(job.queue, job.id, cast.admin)
    assert kind.again
    for _ in range(2):
        with pytest.raises(Invalid):
            jobs.retry(job.queue, job.id, cast.admin)
    _work("notice")
    assert jobs.failed() == ([], 0)
    assert db.session.query(Audit).filter_by(action="job.retried").count() == 1
    assert db.session.query(Outbox).one().attempts == 1


@pytest.mark.parametrize(("queue", "job_id"), [("precheck", "nothing"), ("elsewhere", "nothing")])
def test_what_never_failed_is_not_retried(cast: Cast, queue: str, job_id: str) -> None:
    with pytest.raises(Invalid):
        jobs.retry(queue, job_id, cast.admin)


def test_every_kind_of_job_says_what_a_retry_does() -> None:
    import ast
    from pathlib import Path

    found = set()
    for path in Path("workers/jobs").glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}
        found |= {f"{path.stem}.{name}" for name in names if path.stem != "checker_child"}
    assert found == set(jobs.KINDS)


def test_a_photo_that_the_machine_gave_up_on_is_looked_at_again(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    photo = db.session.get_one(Photo, order.photo_id)
    with pytest.raises(Invalid):
        jobs.look_again(photo.id, cast.admin)
    photo = db.session.get_one(Photo, order.photo_id)
    photo.check_state = "gave_up"
    db.session.commit()
    jobs.look_again(photo.id, cast.admin)
    assert db.session.get_one(Photo, order.photo_id).check_state == "queued"
    assert Queue("precheck", connection=connection(), serializer="json").count == 1


def test_health_measures_what_is_there(app: Flask, cast: Cast, broken: str) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    db.session.get_one(Photo, order.photo_id).check_state = "queued"
    db.session.get_one(Photo, order.photo_id).created_at = now() - timedelta(minutes=5)
    db.session.commit()
    found = health.look()
    assert found.redis
    assert {queue.name: queue.failed for queue in found.queues}["notice"] == 1
    assert 290 < found.oldest_check < 400
    assert (found.waiting_checks, found.workers) == (1, [])
    assert 0 < found.disk_free <= found.disk_total
    assert found.database_bytes > 0
    assert len(found.problems) == 4  # no worker, no sweep, a photo waits, a job failed


def test_the_sweep_leaves_its_pulse(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sweep, "STEPS", (("good", "app.services.upkeep.jobs:failed"), ("bad", "app.services.upkeep.jobs:nothing"))
    )
    with pytest.raises(AttributeError):
        sweep.run()  # a step that does not exist is a programming error, not a failed step
    monkeypatch.setattr(sweep, "STEPS", (("bad", "tests.services.test_jobs:_always_bad"),))
    sweep.run()
    sweep.run()
    pulse = db.session.query(Pulse).one()
    assert pulse.note == {"bad": "RuntimeError"}
    problems = [sentence for sentence, _values in health.look().problems]
    assert any("出错" in sentence for sentence in problems)
    assert not any("没有按时" in sentence for sentence in problems)


def test_two_sweeps_may_end_at_once(any_app: Flask) -> None:
    assert in_threads(any_app, 4, lambda number: health.beat("sweep", {"by": number})) == [None] * 4
    assert db.session.query(Pulse).count() == 1


def _always_bad() -> int:
    raise RuntimeError


def test_without_redis_the_page_says_so_and_still_opens(make_app) -> None:  # type: ignore[no-untyped-def]
    app = make_app(REDIS_URL="redis://127.0.0.1:1/0")
    with app.app_context():
        from tests.factories import make_cast

        client = sign_in(app.test_client(), make_cast().admin)
        page = client.get("/ops/")
        assert page.status_code == 200
        assert "任务服务没有应答" in page.text
        assert client.post("/ops/jobs/precheck/x/retry").status_code == 503
        app.extensions["redis"].flushdb = lambda: None


def test_the_pages_of_jobs(app: Flask, cast: Cast, broken: str) -> None:
    admin, lead = (sign_in(app.test_client(), who) for who in (cast.admin, cast.lead))
    page = admin.get("/ops/").text
    assert "the mail server is on fire" in page
    assert f"/ops/orders/{broken}" in page
    assert "已发出则不做任何事" in page
    assert "/retry" not in lead.get("/ops/").text
    assert "/retry" in admin.get(f"/ops/orders/{broken}").text
    [job], _total = jobs.failed()
    answer = admin.post(f"/ops/jobs/notice/{job.id}/retry", data={"order": broken})
    assert answer.location == f"/ops/orders/{broken}"
    assert admin.get("/ops/alive").json == {"alive": True}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/ops/rq/requeue/notice", {}, 405),  # its one change by GET
        ("POST", "/ops/rq/requeue/all", {}, 405),  # nobody says where it comes from
        ("POST", "/ops/rq/requeue/all", {"Sec-Fetch-Site": "cross-site"}, 405),
        ("POST", "/ops/rq/requeue/all", {"Sec-Fetch-Site": "same-site"}, 405),
        ("POST", "/ops/rq/requeue/all", {"Origin": "https://example.com"}, 405),
        ("POST", "/ops/rq/queue/notice/compact", {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 405),
    ],
)
def test_the_dashboard_changes_nothing_on_a_strangers_word(
    app: Flask, cast: Cast, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    client = sign_in(app.test_client(), cast.admin)
    assert client.open(path, method=method, headers=headers).status_code == status
    assert client.get("/ops/rq/").status_code == 200
    assert sign_in(app.test_client(), cast.lead).get("/ops/rq/").status_code == 403
    assert sign_in(app.test_client(), cast.lead).get("/ops/rq/0/data/queues.json").status_code == 403


@pytest.mark.parametrize(
    ("silent", "job", "missing"), [(health.WORKER_SILENT, "", False), (500, "", True), (500, "x", False)]
)
def test_an_idle_or_busy_worker_is_not_missed(app: Flask, cast: Cast, silent: int, job: str, missing: bool) -> None:
    worker = health.WorkerHealth("here:1", "busy" if job else "idle", job, silent, 0, 0)
    found = replace(health.look(), workers=[worker])
    assert any("没有工作进程" in sentence for sentence, _values in found.problems) is missing


def test_a_worker_speaks_before_it_is_taken_for_dead(app: Flask) -> None:
    queues = [Queue("notice", connection=connection(), serializer="json")]
    assert run.worker_for(queues, connection()).dequeue_timeout < health.WORKER_SILENT
