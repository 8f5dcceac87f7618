"""A light site for browser tests: the app in threads of this process, no worker; and axe."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Page
from werkzeug.serving import make_server

from app.models import Account, Staff
from tests.factories import sign_in

AXE = Path(__file__).resolve().parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"


class _Counted:
    """An app that knows how many requests it answers now: what a closing page still asks outlives its server."""

    def __init__(self, app: Flask) -> None:
        self.app, self.asked, self.changed = app, 0, threading.Condition()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self._count(1)
        try:
            return self.app(environ, start_response)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self.changed:
            self.asked += more
            self.changed.notify_all()

    def wait(self) -> None:
        """Until every answer is given: one that is late would open the next test's database on this one's file."""
        with self.changed:
            self.changed.wait_for(lambda: self.asked == 0, timeout=10)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app's address while it is served."""
    counted = _Counted(app)
    server = make_server("127.0.0.1", 0, counted, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # looks so often whether to end
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        counted.wait()


def signed_in(page: Page, app: Flask, url: str, who: Account | Staff, locale: str = "zh") -> Page:
    """Give the page's browser this person's session."""
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    client = sign_in(app.test_client(), who)
    with client.session_transaction() as kept:
        session = dict(kept) | {"locale": locale}
    page.context.add_cookies([{"name": "session", "value": str(serializer.dumps(session)), "url": url}])
    return page


def violations(page: Page) -> list[str]:
    """What axe finds serious or critical on the page now: rule, how often, and the first place.

    axe is added as a script of the page's own context through the debugger, so the pages keep their strict policy.
    """
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
    return [
        f"{one['id']} x{len(one['nodes'])} at {one['nodes'][0]['target']}: {one['help']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
