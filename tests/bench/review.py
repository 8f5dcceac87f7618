"""make bench WHAT=review: a million orders on PostgreSQL, 100,000 on SQLite, and key press to next photo in Chromium.

The PostgreSQL server's folder is kept between runs (in the temporary folder), so that its million rows are made once.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from app.extensions import db
from app.models import Order, Staff
from app.rules.states import OrderState, Role
from app.services.review.reasons import seed_reasons
from tests.bench.common import bench_app, say, spread, timed
from tests.bench.review_browser import key_to_photo
from tests.bench.review_seed import SEED, fill
from tests.factories import make_campaign, make_order, make_school, make_staff, sign_in
from tests.pg import Postgres
from tests.services.plans import PLANS, plan

ROWS = {"sqlite": int(os.environ.get("SQLITE_ROWS", "100000")), "postgresql": int(os.environ.get("PG_ROWS", "1000000"))}
ROUNDS = int(os.environ.get("ROUNDS", "60"))
KEPT = Path(tempfile.gettempdir()) / f"caixiang-bench-{os.getuid()}"
PAGES = (
    "/review/desk?tab=bench",
    "/review/desk?tab=bench&sort=deadline",
    "/review/desk?tab=bench&sort=verdict&verdict=review",
    "/review/desk?tab=bench&sort=resubmitted",
    "/review/desk?tab=bench&check=expression",
    "/review/",
    "/review/?sort=deadline",
    "/review/?verdict=passed&sort=deadline",
    "/review/?verdict=review&sort=verdict",
    "/review/?check=expression",
    "/review/gallery?tab=bench",
    "/review/search?q=S500100",
)
STATISTICS = ("/review/figures", "/review/figures?days=30", "/review/figures?days=90")
SCRIPT = {"HX-Request": "true"}


class Measured:
    """A reviewer's browser on one database: the time and the statements of each request.

    Every request runs in a context of its own, as on a server: nothing is known from the one before.
    """

    def __init__(self, name: str, app: Flask) -> None:
        self.reviewer = _filled(ROWS[name])
        self.label, self.client = f"{name} {ROWS[name]:,}", sign_in(app.test_client(), self.reviewer)
        self.queries = 0
        event.listen(db.engine, "before_cursor_execute", self._count)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.queries += not statement.startswith("BEGIN")

    def get(self, address: str) -> None:
        """Fetch a page."""
        assert Context().run(self.client.get, address).status_code == 200

    def decide(self, order_id: int, version: int, photo_id: int | None) -> None:
        """Approve, and be shown the next panel."""
        fields = {"version": version, "photo": photo_id, "outcome": "approved", "tab": "bench"}
        url = f"/review/orders/{order_id}/decide"
        assert Context().run(self.client.post, url, data=fields, headers=SCRIPT).status_code == 200

    def measure(self, what: str, once: Callable[[], object], rounds: int = ROUNDS) -> None:
        """A line: p50, p95 and statements of one of `rounds` calls, after one that warms up."""
        once()
        self.queries = 0
        values = timed(once, rounds)
        say(f"{self.label}: {what}, ms", f"{spread(values)}  queries {self.queries / rounds:.0f}")


def measure(name: str, database: str | None) -> None:
    """One database: pages, decisions, plans."""
    more: dict[str, Any] = {"KEY_FOLDER": str(KEPT / "keys")} if database else {}
    with bench_app(database, **more) as (app, _folder):
        measured = Measured(name, app)
        for address in PAGES:
            measured.measure(address, partial(measured.get, address))
        for address in STATISTICS:
            measured.measure(address, partial(measured.get, address), 5)
        query = db.session.query(Order.id, Order.version, Order.photo_id).filter_by(state="pending_review")
        waiting = iter(query.order_by(Order.id.desc()).limit(2 * ROUNDS).all())
        db.session.rollback()
        measured.measure("decision and next panel", lambda: measured.decide(*next(waiting)))
        for what, filters in PLANS.items():
            say(f"   plan of {what}", " | ".join(plan(measured.reviewer, filters)))


def _filled(count: int) -> Staff:
    """The rows, made once; a reviewer of this run's own."""
    seed_reasons()
    if db.session.query(Order.id).first() is None:
        first = make_order(make_campaign(make_school()), OrderState.PENDING_REVIEW)
        fill(first, count)
    return make_staff_named()


def make_staff_named() -> Staff:
    """A reviewer whose name no earlier run has used."""
    staff = make_staff(Role.REVIEWER)
    staff.name = f"bench-{os.getpid()}"
    db.session.commit()
    return staff


def main() -> None:
    """Browser, SQLite, PostgreSQL."""
    key_to_photo()
    measure("sqlite", None)
    KEPT.mkdir(mode=0o755, exist_ok=True)
    server = Postgres(KEPT / "pg")
    server.start()
    try:
        measure("postgresql", server.url(_database(server)))
    finally:
        server.stop()


def _database(server: Postgres) -> str:
    """The kept database of this many rows, or a new one."""
    book = KEPT / "databases.json"
    known = json.loads(book.read_text()) if book.exists() else {}
    size = f"{ROWS['postgresql']} rows, seed {SEED}"
    if size not in known:
        known[size] = server.create()
        book.write_text(json.dumps(known))
    return str(known[size])


if __name__ == "__main__":
    main()
