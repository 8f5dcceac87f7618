"""Fixtures for everybody: an app on a fresh database, a client, and the cast."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from werkzeug.serving import make_server

from app import create_app
from app.adapters.demo_keys import ensure
from app.adapters.redis_server import RedisServer
from app.extensions import db
from app.simulator.pay import refund_callback, transaction
from app.simulator.server import build as build_simulator
from app.simulator.signing import Signing
from app.simulator.state import State
from tests.factories import Cast, make_cast
from tests.kept_apps import LATE, KeptApps, new_app, put_away
from tests.pg import Postgres

hypothesis.settings.register_profile("gate", derandomize=True, deadline=None)
hypothesis.settings.register_profile("soak", max_examples=2000, deadline=None, print_blob=True)
# The same examples on every run of `make test`, so that it says something about the change; new ones in `make soak`.
hypothesis.settings.load_profile("soak" if os.environ.get("CAIXIANG_SOAK") else "gate")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis-compatible server for this test process."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of keys for all tests of this process."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="session")
def settings(redis_url: str, keys_folder: Path) -> dict[str, Any]:
    """What every test app has in common."""
    return {
        "TESTING": True,
        "WTF_CSRF_ENABLED": False,
        "REDIS_URL": redis_url,
        "KEY_FOLDER": str(keys_folder),
        "SERVER_NAME": None,
    }


@pytest.fixture(scope="session")
def template_database(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]) -> Path:
    """A migrated SQLite file that each test copies."""
    folder = tmp_path_factory.mktemp("template")
    app = create_app(settings | {"INSTANCE": folder, "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 't.db'}"})
    with app.app_context():
        upgrade()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
    return folder / "t.db"


@pytest.fixture(scope="session")
def kept_apps(tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]) -> KeptApps:
    """The apps that tests of this process take over from each other."""
    return KeptApps(tmp_path_factory.mktemp("kept"), settings)


@pytest.fixture
def make_app(tmp_path: Path, settings: dict[str, Any], template_database: Path, kept_apps: KeptApps) -> Iterator[Any]:
    """Make apps on this test's own SQLite file (several share it: for threads and crashes)."""
    shutil.copy(template_database, tmp_path / "test.db")
    kept_apps.move(tmp_path)
    made: list[Flask] = []

    def make(**more: Any) -> Flask:
        late = {name: more.pop(name) for name in LATE & more.keys()}
        own = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{kept_apps.link / 'test.db'}"} | more
        if made or len(own) > 1:
            made.append(new_app(settings | {"INSTANCE": tmp_path} | own))
        else:
            made.append(kept_apps.app(own["SQLALCHEMY_DATABASE_URI"]))
        made[-1].config.update(late)
        return made[-1]

    yield make
    for app in made:
        put_away(app)


@pytest.fixture
def app(make_app: Any) -> Iterator[Flask]:
    """An app with its context pushed, on a fresh SQLite file."""
    app: Flask = make_app()
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client()


@pytest.fixture
def cast(app: Flask) -> Cast:
    """A school with an open campaign, two students, and one of each staff role (two reviewers)."""
    return make_cast()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_app(request: pytest.FixtureRequest, make_app: Any) -> Iterator[Flask]:
    """The same app on SQLite and on PostgreSQL."""
    more = {}
    if request.param == "postgresql":
        more["SQLALCHEMY_DATABASE_URI"] = request.getfixturevalue("postgresql_url")
    app: Flask = make_app(**more)
    with app.app_context():
        yield app


@pytest.fixture
def any_cast(any_app: Flask) -> Cast:
    """The cast, on whichever database."""
    return make_cast()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server for this test process."""
    server = Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_database(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]) -> str:
    """A migrated database."""
    name = postgres.create()
    folder = tmp_path_factory.mktemp("pg-template")
    app = create_app(settings | {"INSTANCE": folder, "SQLALCHEMY_DATABASE_URI": postgres.url(name)})
    with app.app_context():
        upgrade()
        db.engine.dispose()
    return name


@pytest.fixture
def postgresql_url(postgres: Postgres, postgres_database: str) -> str:
    """An empty, migrated PostgreSQL database."""
    postgres.empty(postgres_database)
    return postgres.url(postgres_database)


@dataclass
class Shop:
    """The app with our simulator of WeChat behind it, over real HTTP, and what the simulator knows."""

    app: Flask
    wechat: Flask
    url: str

    @property
    def state(self) -> State:
        """The simulator's own books."""
        state: State = self.wechat.extensions["state"]
        return state

    @property
    def signing(self) -> Signing:
        """The simulator's keys, for callbacks made by hand."""
        signing: Signing = self.wechat.extensions["signing"]
        return signing

    def scan_and_pay(self, number: str, **faults: int) -> None:
        """What the payer does at WeChat; no callback reaches the app unless a test sends one."""
        with self.state.lock:
            self.state.faults.update({"lost": 1} | faults)
        requests.post(f"{self.url}/cashier/{number}", timeout=5)
        self.state.faults.update(dict.fromkeys(("lost", *faults), 0))

    def callback(self, number: str, **changes: Any) -> tuple[bytes, dict[str, str]]:
        """A genuine callback for a paid trade: body and headers."""
        resource = transaction(self.state.trades[number]) | {"trade_state": "SUCCESS"} | changes
        body = self.signing.sealed("TRANSACTION.SUCCESS", resource)
        return body, self.signing.headers(body)

    def refund_callback(self, number: str, **changes: Any) -> tuple[bytes, dict[str, str]]:
        """A genuine callback for a refund that WeChat has taken: body and headers."""
        resource = refund_callback(self.state.refunds[number]) | changes
        body = self.signing.sealed(f"REFUND.{resource['refund_status']}", resource)
        return body, self.signing.headers(body)


@contextmanager
def _served(wechat: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, wechat, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # looks so often whether to end
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        wechat.extensions["state"].ended.set()  # no callback of this test reaches the next one
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def pay_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of WeChat Pay keys for all tests of this process."""
    folder = tmp_path_factory.mktemp("pay") / "keys"
    ensure(folder)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shop(request: pytest.FixtureRequest, make_app: Any, pay_keys: Path, tmp_path: Path) -> Iterator[Shop]:
    """A shop on SQLite and on PostgreSQL."""
    more = {}
    if request.param == "postgresql":
        more["SQLALCHEMY_DATABASE_URI"] = request.getfixturevalue("postgresql_url")
    yield from _shop(make_app, pay_keys, tmp_path, more)


@pytest.fixture
def shop(make_app: Any, pay_keys: Path, tmp_path: Path) -> Iterator[Shop]:
    """A shop on SQLite."""
    yield from _shop(make_app, pay_keys, tmp_path, {})


def _shop(make_app: Any, pay_keys: Path, tmp_path: Path, more: dict[str, Any]) -> Iterator[Shop]:
    wechat = build_simulator(pay_keys, tmp_path / "simulator.json", "http://127.0.0.1:1")
    with _served(wechat) as url:
        app = make_app(
            WECHATPAY_FOLDER=str(pay_keys), WECHATPAY_API_URL=url, WECHAT_API_URL=url, WECHAT_OPEN_URL=url,
            WECHAT_MP_URL=url, SIMULATOR_URL=url, PUBLIC_URL="http://127.0.0.1:1", **more,
        )  # fmt: skip
        with app.app_context():
            yield Shop(app, wechat, url)
