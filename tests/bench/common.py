"""What the benchmarks share: an app in a folder of its own, percentiles, one line per figure."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade

from app import create_app
from app.adapters.redis_server import RedisServer
from app.extensions import db


@contextmanager
def bench_app(database: str | None = None, **more: Any) -> Iterator[tuple[Flask, Path]]:
    """A migrated app with its context pushed, in a temporary folder, with its own Redis."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, RedisServer(Path(name) / "redis") as redis:
        folder = Path(name)
        app = create_app(
            {
                "INSTANCE": folder,
                "SQLALCHEMY_DATABASE_URI": database or f"sqlite:///{folder / 'bench.db'}",
                "REDIS_URL": redis.url,
                "KEY_FOLDER": str(folder / "keys"),
                "BATCH_FOLDER": str(folder / "batches"),
                "STORAGE": f"folder:{folder / 'store'}",
                "TESTING": True,
                "WTF_CSRF_ENABLED": False,
            }
            | more
        )
        with app.app_context():
            upgrade()
            yield app, folder
            db.session.remove()
            db.engine.dispose()


def timed(function: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each call."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        found.append((time.perf_counter() - start) * 1000)
    return found


def p95(values: list[float]) -> float:
    """What 95 of 100 do not exceed."""
    return sorted(values)[int(0.95 * (len(values) - 1))]


def spread(values: list[float]) -> str:
    """p50 and p95."""
    return f"p50 {statistics.median(values):8.1f}  p95 {p95(values):8.1f}"


def say(name: str, text: str) -> None:
    """One line of the result."""
    print(f"{name:52} {text}", flush=True)
