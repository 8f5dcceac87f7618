"""How gunicorn runs the web processes: its settings file, given as `--config python:app.web`."""

from __future__ import annotations

import gc
from typing import Any

workers, threads = 2, 4
timeout = 60
loglevel = "warning"


def settle() -> None:
    """Before the first request: what a process holds by now, it holds for good.

    Python looked through all of it for garbage once in some forty requests, which then took 0.15 s longer; and through
    what is new three times in each. Little of what a request leaves needs that: almost all is freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def post_worker_init(_worker: Any) -> None:
    """Gunicorn calls it once a process has made its app."""
    settle()
