"""make bench WHAT=review: a million orders on PostgreSQL, 100,000 on SQLite, and key press to next photo in Chromium.

PARTS=browser,sqlite,postgresql picks some of it; PG_ROWS and SQLITE_ROWS are other sizes, ROUNDS how often each page is
asked for. The PostgreSQL server's folder is kept between runs (in the temporary folder): its rows are made once, an
interrupted filling goes on where it ended, and the clock stands at the end of the season that they tell of.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any

import time_machine
from flask import Flask
from sqlalchemy import event, func, select

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Order
from app.rules.states import OrderState, Role
from app.services.review import queue_lists, review_queue, tallies
from app.services.review.queue_filters import Filters
from app.web import settle
from tests.bench.common import bench_app, p95, say, spread, timed
from tests.bench.review_browser import key_to_photo
from tests.bench.review_seed import BASE, SEED, fill, filled
from tests.factories import make_campaign, make_order, make_school, make_staff, sign_in
from tests.pg import Postgres
from tests.services.plans import PLANS, plan

ROWS = {"sqlite": int(os.environ.get("SQLITE_ROWS", "100000")), "postgresql": int(os.environ.get("PG_ROWS", "1000000"))}
ROUNDS = int(os.environ.get("ROUNDS", "60"))
PARTS = os.environ.get("PARTS", "browser,sqlite,postgresql").split(",")
KEPT = Path(tempfile.gettempdir()) / f"caixiang-bench-{os.getuid()}"
PAGES = (
    "/review/desk?tab=bench",
    "/review/desk?tab=bench&sort=deadline",
    "/review/desk?tab=bench&sort=verdict&verdict=review",
    "/review/desk?tab=bench&sort=resubmitted",
    "/review/desk?tab=bench&check=background_uniform",
    "/review/",
    "/review/?sort=deadline",
    "/review/?verdict=passed&sort=deadline",
    "/review/?verdict=review&sort=verdict",
    "/review/?check=background_uniform",
    "/review/?kind=asked&sort=resubmitted",
    "/review/?reason=light",
    "/review/gallery?tab=bench",
    "/review/search?q=S500100",
)
STATISTICS = ("/review/figures", "/review/figures?days=7", "/review/figures?days=30", "/review/figures?days=90")
SCRIPT = {"HX-Request": "true"}
PAGE_MS, STATISTICS_MS, PHOTO_MS, QUERIES = 50, 1000, 150, 20
"""The aims: p95 of a page or a decision, of the statistics, of key press to photo; statements of any page."""
PLACES = (r'data-id="(\d+)"', r'name="version" value="(\d+)"', r'name="photo" value="(\d+)"')
"""Where a panel says which order it shows, in which version, with which photo."""

PLAN_LINES = r".*Scan|Sort|SCAN|SEARCH|USE TEMP"
"""How rows are found and sorted; not how they are joined."""

missed: list[str] = []


class Measured:
    """A reviewer's browser on one database: the time and the statements of each request.

    Every request runs in a context of its own, as on a server: nothing is known from the one before.
    """

    def __init__(self, name: str, app: Flask, role: Role = Role.REVIEWER) -> None:
        self.staff = make_staff(role, name=f"{role}-{secrets.token_hex(8)}")  # no earlier run has it
        self.label, self.client = f"{name} {ROWS[name]:,}", sign_in(app.test_client(), self.staff)
        self.queries, self.shown = 0, ""
        event.listen(db.engine, "before_cursor_execute", self._count)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.queries += not statement.startswith("BEGIN")

    def get(self, address: str) -> None:
        """Fetch a page."""
        assert Context().run(self.client.get, address).status_code == 200

    def decide(self) -> None:
        """Approve what the panel shows, and be shown the next one."""
        shown = self.shown or Context().run(self.client.get, "/review/desk?tab=bench").text
        order_id, version, photo_id = (int(re.search(place, shown)[1]) for place in PLACES)  # type: ignore[index]
        fields = {"version": version, "photo": photo_id, "outcome": "approved", "tab": "bench"}
        answer = Context().run(self.client.post, f"/review/orders/{order_id}/decide", data=fields, headers=SCRIPT)
        assert answer.status_code == 200
        self.shown = answer.text

    def measure(self, what: str, once: Callable[[], object], aim: int, rounds: int = ROUNDS) -> None:
        """A line: p50, p95 and statements of one of `rounds` calls, after one that warms up."""
        once()
        self.queries, used = 0, time.process_time()
        values = timed(once, rounds)
        used = (time.process_time() - used) / rounds * 1000
        judge(f"{self.label}: {what}", values, aim, self.queries / rounds, used)


def judge(what: str, values: list[float], aim: int, queries: float = 0, used: float = 0) -> None:
    """A line of the result, and a note when it misses its aim.

    `used`: ms of the web process's own processor time, which tells a busy machine from a slow page.
    """
    told = f"{spread(values)}  processor {used:6.1f}  queries {queries:.0f}" if queries else spread(values)
    slow, many = p95(values) > aim, queries > QUERIES
    say(f"{what}, ms", told + ("  <- slow" if slow else "") + ("  <- queries" if many else ""))
    if slow:
        missed.append(f"{what}: p95 {p95(values):.1f} ms, aim {aim}")
    if many:
        missed.append(f"{what}: {queries:.0f} queries, aim {QUERIES}")


def measure(name: str, database: str | None) -> None:
    """One database: pages, decisions, plans."""
    more: dict[str, Any] = {"KEY_FOLDER": str(KEPT / "keys")} if database else {}
    with bench_app(database, **more) as (app, _folder):
        _fill(name)
        settle()
        with time_machine.travel(db.session.scalar(select(func.max(Decision.at))) or now()):
            _measure(name, app)


def _measure(name: str, app: Flask) -> None:
    measured = Measured(name, app)
    for address in PAGES:
        measured.measure(address, partial(measured.get, address), PAGE_MS)
    for one in queue_lists.page(measured.staff, Filters(), 2 * ROUNDS):
        review_queue.whole(one.id)  # a database that was not just started has in memory what was just submitted
    measured.measure("decision and next panel", measured.decide, PAGE_MS)
    start = time.perf_counter()
    while tallies.keep_due():  # as the sweep has done long since
        pass
    say(f"{measured.label}: days of the season counted, s", f"{time.perf_counter() - start:.1f}")
    lead = Measured(name, app, Role.LEAD)
    for address in STATISTICS:
        lead.measure(address, partial(lead.get, address), STATISTICS_MS, 5)
    for what, filters in PLANS.items():
        lines = [line.removeprefix("->").strip() for line in plan(measured.staff, filters)]
        say(f"   plan of {what}", " | ".join(line for line in lines if re.match(PLAN_LINES, line)))


def _fill(name: str) -> None:
    """The rows, made once."""
    count, begun = ROWS[name], filled()
    if begun < count:
        print(f"{name}: filling, interrupt and start again as you like", flush=True)
        start = time.monotonic()
        fill(_model(begun), count, _progress)
        say(f"{name}: {count - begun:,} orders filled, s", f"{time.monotonic() - start:.0f}")


def _model(begun: int) -> Order:
    """The order that all are copies of: the one before them, or where an earlier run has not come so far a new one."""
    if begun:
        return db.session.query(Order).filter(Order.id <= BASE).order_by(Order.id.desc()).first()  # type: ignore[return-value]
    school = make_school(f"S{time.time_ns()}")
    return make_order(make_campaign(school, code=f"C{time.time_ns()}"), OrderState.PENDING_REVIEW)


def _progress(line: str) -> None:
    """One line that changes on a terminal, else a line each."""
    end = "\r" if sys.stdout.isatty() else "\n"
    print(f"   {line:60}", end=end, flush=True)


def main() -> None:
    """Browser, SQLite, PostgreSQL; then what missed its aim."""
    say("load average of 1, 5 and 15 minutes", "  ".join(f"{one:.1f}" for one in os.getloadavg()))
    if "browser" in PARTS:
        judge("key press to next photo painted", key_to_photo(), PHOTO_MS)
    if "sqlite" in PARTS:
        measure("sqlite", None)
    if "postgresql" in PARTS:
        _postgresql()
    say("load average at the end", "  ".join(f"{one:.1f}" for one in os.getloadavg()))
    print("\n".join(["Aims missed:", *missed] if missed else ["Every aim was met."]), flush=True)


def _postgresql() -> None:
    KEPT.mkdir(mode=0o755, exist_ok=True)
    server = Postgres(KEPT / "pg")
    server.start()
    try:
        measure("postgresql", server.url(_database(server)))
    finally:
        server.stop()


def _database(server: Postgres) -> str:
    """The kept database of this many rows, or a new one."""
    name = f"review_{ROWS['postgresql']}_{SEED}"
    if name not in server.databases():
        server.create(name=name)
    return name


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nInterrupted. What is filled is kept: the same command goes on from there.", flush=True)
        sys.exit(130)
