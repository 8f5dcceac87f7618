"""Wires the application and decides nothing."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask
from redis import Redis
from sqlalchemy import event
from werkzeug.middleware.proxy_fix import ProxyFix

from app import config, locale, security
from app.adapters.keys import Keys, secret
from app.adapters.storage import open_storage
from app.extensions import babel, csrf, db, htmx, login_manager, migrate
from app.views import register_views, texts

ROOT = Path(__file__).resolve().parent.parent


SQLITE_PATIENCE = 15
"""Seconds that a writer waits for the others; SQLite has one at a time, and takes the waiting in no order."""


def build(overrides: dict[str, Any] | None = None) -> Flask:
    """An application with the settings of the environment; `overrides` (tests) win. INSTANCE moves the data folder."""
    overrides = dict(overrides or {})
    instance = Path(overrides.pop("INSTANCE", ROOT / "instance"))
    app = Flask("app", root_path=str(ROOT / "app"), instance_path=str(instance))
    app.config.from_mapping(config.load(instance))
    app.config.from_mapping(overrides)
    instance.mkdir(parents=True, exist_ok=True)
    if instance.stat().st_uid == os.geteuid():
        instance.chmod(0o700)  # also where git has made it: database, batches and photos below are nobody else's
    if app.config["PROXIES"]:
        number = app.config["PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=number, x_proto=number, x_host=number)  # type: ignore[method-assign]
    app.before_request(security.small_forms)
    _connect(app, instance)
    locale.init_app(app)
    security.init_app(app)
    register_views(app)
    texts.init_app(app)
    import cli

    cli.init_app(app)
    return app


def _connect(app: Flask, instance: Path) -> None:
    keys = Path(app.config["KEY_FOLDER"])
    app.config.setdefault("SECRET_KEY", None)
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or secret(keys / "session.key")
    app.extensions["keys"] = Keys(keys)
    app.extensions["storage"] = open_storage(app.config["STORAGE"], instance)
    app.extensions["redis"] = Redis.from_url(app.config["REDIS_URL"], socket_timeout=2, socket_connect_timeout=1)
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        options: dict[str, Any] = {"connect_args": {"timeout": SQLITE_PATIENCE}}
    else:
        options = {"pool_pre_ping": True}
    options["hide_parameters"] = True  # an error's text goes to logs and to the RQ dashboard: no names in it
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", options)
    db.init_app(app)
    with app.app_context():
        import_module("app.models")
        if db.engine.dialect.name == "sqlite":
            _tune_sqlite(db.engine)
        else:
            _say_less(db.engine)
    migrate.init_app(app, db, directory=str(ROOT / "app" / "migrations"))
    csrf.init_app(app)
    htmx.init_app(app)
    login_manager.init_app(app)
    babel.init_app(app, locale_selector=locale.chosen)


def _tune_sqlite(engine: Any) -> None:
    """WAL, full durability, foreign keys; and BEGIN by ourselves, IMMEDIATE for a unit of work (see services.unit)."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get("patience"):
            connection.connection.execute(f"PRAGMA busy_timeout = {options['patience'] * 1000:.0f}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("begin_immediate") else "BEGIN")

    @event.listens_for(engine, "reset")
    def on_reset(connection: Any, _record: Any, _state: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout = {SQLITE_PATIENCE * 1000}")


def _say_less(engine: Any) -> None:
    """PostgreSQL's DETAIL quotes the row that it refused, names and addresses in it: logs get the first line alone."""

    @event.listens_for(engine, "handle_error")
    def on_error(context: Any) -> None:
        first = getattr(getattr(context.original_exception, "diag", None), "message_primary", None)
        if first and context.sqlalchemy_exception is not None:
            context.original_exception.args = (first,)
            context.sqlalchemy_exception.args = (f"({type(context.original_exception).__name__}) {first}",)
