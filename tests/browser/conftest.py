"""A real browser against a real installation: web, worker, Redis and simulator as own processes, on free ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright

from app import create_app
from app.extensions import db

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM = "/usr/bin/chromium"
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--lang=zh-CN"]
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""A camera that shows a test picture, allowed without a question."""
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1366, "height": 620}


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """Everything that runs, and the app to look into its database."""

    url: str
    simulator: str
    app: Flask
    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start one process of the installation."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.processes[name]

    def work(self) -> None:
        """Have a worker as well; its checker takes seconds of both processors to load, so not every test has one."""
        self.start("worker", "-m", "workers.run")

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command as staff would."""
        return subprocess.run(
            [sys.executable, "-m", "flask", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def stop(self) -> None:
        """Stop everything."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_up(url: str, seconds: float = 30) -> None:
    """Wait for an address to answer anything."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not come up")


@pytest.fixture
def installation(
    tmp_path: Path,
    redis_url: str,
    keys_folder: Path,
    template_database: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:
    """A fresh installation in the test's own folder, without a worker."""
    shutil.copy(template_database, tmp_path / "test.db")
    web, simulator = free_port(), free_port()
    own = {
        "CAIXIANG_PORT": str(web),
        "CAIXIANG_SIMULATOR_PORT": str(simulator),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'test.db'}",
        "REDIS_URL": redis_url,
        "STORAGE": f"folder:{tmp_path / 'store'}",
        "CAIXIANG_BATCH_FOLDER": str(tmp_path / "batches"),
        "CAIXIANG_KEY_FOLDER": str(keys_folder),
        "WECHATPAY_FOLDER": str(tmp_path / "wechatpay"),
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    app = create_app({"INSTANCE": tmp_path, "WTF_CSRF_ENABLED": False})
    made = Installation(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{simulator}", app, tmp_path, os.environ | own)
    made.start("web", "-m", "gunicorn", "--bind", f"127.0.0.1:{web}", "--threads", "8", "app:create_app()")
    made.start("simulator", "-m", "app.simulator")
    try:
        wait_until_up(made.url + "/privacy")
        wait_until_up(made.simulator)
        with app.app_context():
            yield made
    finally:
        made.stop()
        app.extensions["redis"].flushdb()
        app.extensions["redis"].close()
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES + CAMERA)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Any]:
    """Open pages in contexts of their own; a failed script fails the test."""
    contexts, errors = [], []

    def opened(viewport: dict[str, int] | None = None, *, locale: str = "zh-CN", **more: Any) -> Page:
        context = browser.new_context(viewport=viewport or PHONE, locale=locale, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors
