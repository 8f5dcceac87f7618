"""Key press to next photo painted, in Chromium against a real server with real photos."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from app.adapters.storage import storage
from app.demo import portraits
from app.extensions import db
from app.rules.states import OrderState, Role
from app.services.access.staff import create
from app.services.review.reasons import seed_reasons
from tests.bench.common import bench_app
from tests.browser.conftest import CHROMIUM, DESKTOP, SWITCHES, free_port, wait_until_up
from tests.factories import make_campaign, make_order, make_school

PRESSES = 60
LOOK = 900
"""Milliseconds that the reviewer looks at each photo; the aim for people is five seconds."""
PASSWORD = "correct-horse-battery"

WATCH = """
window.presses = []; window.paints = [];
addEventListener("keydown", (event) => presses.push(event.timeStamp), true);
new PerformanceObserver((list) => list.getEntries().forEach((entry) => paints.push(entry.renderTime)))
  .observe({ type: "element", buffered: true });
"""


def key_to_photo() -> list[float]:
    """Milliseconds of PRESSES approvals until the next photo's own paint time, as the browser reports it."""
    with bench_app() as (app, folder):
        seed_reasons()
        create("bench", [Role.REVIEWER.value], [], PASSWORD)
        campaign = make_campaign(make_school())
        pictures = [portraits.jpeg(portraits.portrait(seed, (480, 640)), 90) for seed in range(6)]
        for place in range(PRESSES + 5):
            order = make_order(campaign, OrderState.PENDING_REVIEW)
            assert order.photo is not None and order.photo.rendition_key is not None
            storage().put(order.photo.rendition_key, pictures[place % len(pictures)])
        db.session.commit()
        port = free_port()
        server = _serve(app, folder, port)
        try:
            wait_until_up(f"http://127.0.0.1:{port}/privacy")
            return _press(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait()


def _serve(app: Any, folder: Path, port: int) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "REDIS_URL": app.config["REDIS_URL"],
        "STORAGE": app.config["STORAGE"],
        "CAIXIANG_KEY_FOLDER": app.config["KEY_FOLDER"],
        "CAIXIANG_PORT": str(port),
    }
    command = ["-m", "gunicorn", "--config", "python:app.web", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    with (folder / "web.log").open("wb") as log:
        return subprocess.Popen([sys.executable, *command, "app:create_app()"], env=environment, stdout=log, stderr=log)


def _press(url: str) -> list[float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
        page.goto(f"{url}/staff/sign-in")
        page.fill("#name", "bench")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/review/**")
        page.add_init_script(WATCH)
        page.goto(f"{url}/review/desk")
        for _ in range(PRESSES):
            page.locator("#panel .panel[data-ready='1']:not(.sending)").wait_for(state="attached")
            page.wait_for_timeout(LOOK)
            page.keyboard.press("a")
        page.wait_for_timeout(2000)
        presses, paints = page.evaluate("[presses, paints]")
        browser.close()
    after = [min((paint for paint in paints if paint > press), default=None) for press in presses]
    return [paint - press for press, paint in zip(presses, after, strict=True) if paint is not None]
