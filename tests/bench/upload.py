"""make bench WHAT=upload: a 12-megapixel JPEG from upload to the verdict on the page, over HTTP, with idle workers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import requests
from PIL import Image

from app.demo import portraits
from tests.bench.common import bench_app, say, spread
from tests.browser.conftest import ROOT, free_port, wait_until_up
from tests.factories import make_account, make_campaign, make_order, make_school

ROUNDS = 20
DELAYS = (0.3, 0.3, 0.5, 1, 2, 4)


def main() -> None:
    """Start web and two workers, then upload again and again."""
    port = free_port()
    with bench_app() as (app, folder):
        environment = os.environ | {
            "CAIXIANG_PORT": str(port),
            "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
            "REDIS_URL": app.config["REDIS_URL"],
            "STORAGE": app.config["STORAGE"],
            "CAIXIANG_KEY_FOLDER": app.config["KEY_FOLDER"],
        }
        campaign = make_campaign(make_school())
        account = make_account()
        order = make_order(campaign, account=account, complete=False)
        number, secret = order.number, app.session_interface.get_signing_serializer(app)
        assert secret is not None
        cookie = secret.dumps({"_user_id": account.get_id(), "_fresh": True})
        commands = [
            [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "4", "app:create_app()"],
            [sys.executable, "-m", "workers.run"],
            [sys.executable, "-m", "workers.run"],
        ]
        with (folder / "log").open("wb") as log:
            running = [subprocess.Popen(c, cwd=ROOT, env=environment, stdout=log, stderr=log) for c in commands]
            try:
                base = f"http://127.0.0.1:{port}"
                wait_until_up(base)
                values = _rounds(base, number, {"session": cookie}, folder)
            finally:
                for process in running:
                    process.kill()
                    process.wait()
    say("12 MP JPEG, upload to verdict on the page, ms", spread(values))


def _rounds(base: str, number: str, cookies: dict[str, str], folder: Path) -> list[float]:
    image = portraits.portrait(2, (1200, 1600)).resize((3024, 4032), Image.Resampling.LANCZOS)
    data = portraits.jpeg(image, 93)
    url, found = f"{base}/orders/{number}/photo", []
    browser = requests.Session()
    browser.cookies.set("session", cookies["session"], domain="127.0.0.1", path="/")
    browser.headers["Accept-Language"] = "zh"
    for round_no in range(ROUNDS + 2):
        token = re.search(r'name="csrf_token" value="([^"]+)"', _get(browser, url))
        assert token is not None
        start = time.perf_counter()
        answer = browser.post(
            url,
            data={"csrf_token": token.group(1)},
            files={"photo": ("p.jpg", data + b"\0" * round_no)},
            timeout=30,
        )
        assert answer.status_code == 200, answer.status_code
        for delay in DELAYS:
            time.sleep(delay)
            if "检测中" not in _get(browser, f"{url}/status?tick=0"):
                break
        if round_no >= 2:
            found.append((time.perf_counter() - start) * 1000)
    return found


def _get(browser: requests.Session, url: str) -> str:
    return browser.get(url, timeout=30).text


if __name__ == "__main__":
    main()
