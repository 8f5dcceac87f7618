"""make bench WHAT=review: a million orders on PostgreSQL, 100,000 on SQLite, and key press to next photo in Chromium.

The PostgreSQL server's folder is kept between runs (in the temporary folder), so that its million rows are made once.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import event

from app.extensions import db
from app.models import Order, Staff
from app.rules.states import OrderState, Role
from app.services import decisions
from app.services.decisions import Judgement, Seen
from app.services.reasons import seed_reasons
from tests.bench.common import bench_app, say, spread, timed
from tests.bench.review_browser import key_to_photo
from tests.bench.review_seed import fill
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
    "/review/desk?tab=bench&check=expression",
    "/review/",
    "/review/?verdict=passed&sort=deadline",
    "/review/gallery?tab=bench",
)


def measure(name: str, database: str | None) -> None:
    """One database: pages, decisions, plans."""
    more: dict[str, Any] = {"KEY_FOLDER": str(KEPT / "keys")} if database else {}
    with bench_app(database, **more) as (app, _folder):
        reviewer = _filled(ROWS[name])
        staff_id, client, queries = reviewer.id, sign_in(app.test_client(), reviewer), [0]
        event.listen(db.engine, "before_cursor_execute", lambda *_: queries.__setitem__(0, queries[0] + 1))
        label = f"{name} {ROWS[name]:,}"

        def get(address: str) -> None:
            assert client.get(address).status_code == 200

        for address in PAGES:
            get(address)
            queries[0] = 0
            values = timed(lambda address=address: get(address), ROUNDS)  # type: ignore[misc]
            say(f"{label}: {address}, ms", f"{spread(values)}  queries {queries[0] / ROUNDS:.0f}")

        waiting = iter(db.session.query(Order).filter_by(state="pending_review").limit(3 * ROUNDS).all())

        def decide() -> None:
            order = next(waiting)
            seen = Seen(order.id, order.version, order.photo_id or 0)
            decisions.decide(db.session.get_one(Staff, staff_id), seen, Judgement("approved"))

        def decide_and_next() -> None:
            order = next(waiting)
            fields = {"version": order.version, "photo": order.photo_id, "outcome": "approved", "tab": "bench"}
            answer = client.post(f"/review/orders/{order.id}/decide", data=fields, headers={"HX-Request": "true"})
            assert answer.status_code == 200

        say(f"{label}: decision alone, ms", spread(timed(decide, ROUNDS)))
        queries[0] = 0
        values = timed(decide_and_next, ROUNDS)
        say(f"{label}: decision and next panel, ms", f"{spread(values)}  queries {queries[0] / ROUNDS:.0f}")
        for what, filters in PLANS.items():
            say(f"   plan of {what}", " | ".join(plan(db.session.get_one(Staff, staff_id), filters)))


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
    size = str(ROWS["postgresql"])
    if size not in known:
        known[size] = server.create()
        book.write_text(json.dumps(known))
    return str(known[size])


if __name__ == "__main__":
    main()
