"""One app for many tests: making one, and its first pages and statements, takes longer than most tests do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import flask_babel
from flask import Flask, g

from app import create_app
from app.extensions import db
from tests.pages import CheckingClient

LATE = frozenset({"WECHATPAY_FOLDER", "WECHATPAY_API_URL", "WECHAT_API_URL", "WECHAT_OPEN_URL", "WECHAT_MP_URL",
                  "SIMULATOR_URL", "PUBLIC_URL"})  # fmt: skip
"""Settings that are read when they are used, not when the app is made."""


def new_app(settings: dict[str, Any]) -> Flask:
    """An app whose test client looks closely at every page."""
    app = create_app(settings)
    app.teardown_request(_forget_who_asked)
    app.test_client_class = CheckingClient
    return app


def _forget_who_asked(_error: BaseException | None) -> None:
    """Tests keep one app context open, and with it what Flask's extensions keep for one request.

    Without this the first person asked would stay signed in, and their language would be everybody's.
    """
    g.pop("_login_user", None)
    g.pop("catalogue", None)
    flask_babel.refresh()


def put_away(app: Flask) -> None:
    """Let go of its connections and of what it left in Redis."""
    app.extensions["redis"].flushdb()
    app.extensions["redis"].close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class KeptApps:
    """The apps of this test process, by database; their data folder links to the running test's own."""

    def __init__(self, place: Path, settings: dict[str, Any]) -> None:
        self.link = place / "instance"
        self.settings = settings | {"INSTANCE": self.link}
        self._apps: dict[str, Flask] = {}
        self._as_made: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    def move(self, folder: Path) -> None:
        """From now on the apps' data lie in `folder`."""
        self.link.unlink(missing_ok=True)
        os.symlink(folder, self.link, target_is_directory=True)

    def app(self, url: str) -> Flask:
        """The app on the database at `url`, as it was when it was made."""
        if url not in self._apps:
            app = self._apps[url] = new_app(self.settings | {"SQLALCHEMY_DATABASE_URI": url})
            self._as_made[url] = (dict(app.config), dict(app.extensions))
        app = self._apps[url]
        for now, made in zip((app.config, app.extensions), self._as_made[url], strict=True):
            now.clear()
            now.update(made)
        return app
