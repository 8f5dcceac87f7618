"""kill -9 in the middle of a check: every photo gets its verdict, nothing is lost or done twice. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask import Flask

from app.adapters import queue
from app.adapters.redis_server import RedisServer
from app.adapters.storage import storage
from app.demo import portraits
from app.extensions import db
from app.models import CheckState, Photo
from app.services.photos import prechecks
from app.services.unit import unit_of_work
from tests.factories import make_campaign, make_order, make_photo, make_school

ROOT = Path(__file__).resolve().parent.parent.parent
PHOTOS = 6


class Plant:
    """A Redis server and a worker of this test's own."""

    def __init__(self, app: Flask, folder: Path, redis: RedisServer) -> None:
        self.app, self.folder, self.redis = app, folder, redis
        self.worker: subprocess.Popen[bytes] | None = None

    def start_worker(self, *prefix: str) -> None:
        """Start a worker on this test's database, Redis and folder."""
        environment = os.environ | {
            "DATABASE_URL": self.app.config["SQLALCHEMY_DATABASE_URI"],
            "REDIS_URL": self.app.config["REDIS_URL"],
            "STORAGE": f"folder:{self.folder / 'store'}",
            "CAIXIANG_KEY_FOLDER": self.app.config["KEY_FOLDER"],
        }
        with (self.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                [*prefix, sys.executable, "-m", "workers.run"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def child(self) -> int:
        """The checker child's process number, once there is one."""
        assert self.worker is not None
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for process in psutil.Process(self.worker.pid).children(recursive=True):
                if "workers.child" in " ".join(process.cmdline()):
                    return process.pid
            time.sleep(0.02)
        raise AssertionError("no checker child")

    def stop(self) -> None:
        """Kill the worker, if it lives."""
        if self.worker is not None and self.worker.poll() is None:
            self.worker.kill()
        if self.worker is not None:
            self.worker.wait()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def plant(own_redis: RedisServer, tmp_path: Path, make_app: Any) -> Iterator[Plant]:
    app = make_app(REDIS_URL=own_redis.url, STORAGE=f"folder:{tmp_path / 'store'}")
    with app.app_context():
        made = Plant(app, tmp_path, own_redis)
        yield made
        made.stop()


def _time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker can still be at what it had begun: neither by our deadline nor by RQ's limit."""
    monkeypatch.setattr(prechecks, "DEADLINE", prechecks.DEADLINE * 0)
    monkeypatch.setattr(queue, "is_overdue", lambda *_: True)


def _photos() -> list[int]:
    """Photos that wait to be checked, each with the picture of a drawn person."""
    campaign = make_campaign(make_school())
    data = portraits.jpeg(portraits.portrait(2, (900, 1200)))
    made = []
    for number in range(PHOTOS):
        order = make_order(campaign, complete=False)
        photo = make_photo(order, verdict=None, data=data + b"\0" * number)
        storage().put(photo.original_key, data + b"\0" * number)
        with unit_of_work() as unit:
            prechecks.queue_check(unit, db.session.get_one(Photo, photo.id))
        made.append(photo.id)
    return made


def _wait(ids: list[int], wanted: int, seconds: float = 60) -> int:
    """Wait until so many are settled; returns how many are."""
    end, done = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        db.session.rollback()
        rows = db.session.query(Photo).filter(Photo.id.in_(ids)).all()
        done = sum(row.settled for row in rows)
        if done >= wanted:
            break
        time.sleep(0.05)
    return done


def _all_have_one_verdict(ids: list[int]) -> None:
    db.session.rollback()
    for photo in db.session.query(Photo).filter(Photo.id.in_(ids)):
        assert photo.check_state == CheckState.DONE
        assert photo.verdict in ("passed", "review", "failed")
        codes = [check.code for check in photo.checks]
        assert len(codes) == len(set(codes)) > 20
        assert photo.rendition_key and storage().exists(photo.rendition_key)


def test_the_checker_child_is_killed(plant: Plant) -> None:
    ids = _photos()
    plant.start_worker()
    os.kill(plant.child(), signal.SIGKILL)
    assert _wait(ids, PHOTOS) == PHOTOS
    _all_have_one_verdict(ids)


def test_the_worker_is_killed(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = _photos()
    plant.start_worker()
    plant.child()
    _wait(ids, 1)
    plant.stop()
    _time_passes(monkeypatch)
    prechecks.requeue_lost()
    plant.start_worker()
    assert _wait(ids, PHOTOS) == PHOTOS
    _all_have_one_verdict(ids)


def test_the_redis_server_is_killed(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = _photos()
    plant.start_worker()
    plant.child()
    plant.redis.kill()
    plant.stop()
    plant.redis.start()
    _time_passes(monkeypatch)
    prechecks.requeue_lost()
    plant.start_worker()
    assert _wait(ids, PHOTOS) == PHOTOS
    _all_have_one_verdict(ids)


def test_a_worker_needs_no_network_but_its_own_sockets(plant: Plant) -> None:
    """In a network namespace of its own, without even a loopback, a worker checks photos: Redis is a unix socket."""
    assert plant.app.config["REDIS_URL"].startswith("unix://")
    ids = _photos()
    plant.start_worker("unshare", "-n" if os.geteuid() == 0 else "-rn")
    assert _wait(ids, PHOTOS) == PHOTOS
    _all_have_one_verdict(ids)
