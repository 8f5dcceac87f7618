"""A light site for browser tests: the app in threads of this process, no worker; and axe."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Page
from werkzeug.serving import make_server

from app.models import Account, Staff
from tests.factories import sign_in

AXE = Path(__file__).resolve().parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app's address while it is served."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # looks so often whether to end
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
