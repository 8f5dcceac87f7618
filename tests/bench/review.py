"""make bench WHAT=review: panel and decision in the server, a million orders on PostgreSQL, 100,000 on SQLite."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import event, text

from app.extensions import db
from app.models import Order, Staff
from app.services import decisions, review_queue
from app.services.decisions import Judgement, Seen
from app.services.reasons import seed_reasons
from app.services.review_queue import Filters
from tests.bench.common import bench_app, say, spread, timed
from tests.factories import make_campaign, make_order, make_school, make_staff, sign_in
from tests.pg import Postgres

ROWS = {"sqlite": int(os.environ.get("SQLITE_ROWS", "100000")), "postgresql": int(os.environ.get("PG_ROWS", "1000000"))}
WAITING = 0.01
ROUNDS = 60


def _series(count: int) -> str:
    if db.engine.dialect.name == "postgresql":
        return f"(SELECT n FROM generate_series(1, {count}) AS g(n))"
    return f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < {count}) SELECT n FROM s)"


def _seed(count: int) -> Staff:
    """Copies of one complete order by SQL; one in a hundred waits for review."""
    from app.rules.states import OrderState, Role

    campaign = make_campaign(make_school())
    first = make_order(campaign, OrderState.PENDING_REVIEW)
    model, base = db.session.get_one(Order, first.id), 1000
    photo, form = model.photo_id, model.form_id
    step = int(1 / WAITING)
    copies = {
        '"order"': (
            "number,account_id,campaign_id,school_id,state,state_since,version,price_fen,tries_used,rule_id,background,"
            "background_policy,code_unreadable,code_tries,submitted_at,created_at",
            f"'N' || n, NULL, campaign_id, school_id, CASE WHEN n % {step} = 0 THEN 'pending_review' ELSE 'completed'"
            " END, state_since, 1, price_fen, 0, rule_id, background, background_policy, code_unreadable, 0,"
            " submitted_at, created_at",
            f'"order" o WHERE o.id = {first.id}',
        ),
    }
    for table, (columns, values, source) in copies.items():
        db.session.execute(
            text(f"INSERT INTO {table} (id,{columns}) SELECT {base}+n,{values} FROM {_series(count)} s, {source}")
        )
    for table, owner, column in (("photo", photo, "photo_id"), ("form", form, "form_id")):
        names = [c.name for c in db.metadata.tables[table].columns if c.name not in ("id", "order_id")]
        listed, values = ",".join(names), ",".join(f"t.{name}" for name in names)
        source = f"{_series(count)} s, {table} t WHERE t.id = {owner}"
        insert = f"INSERT INTO {table} (id,order_id,{listed}) SELECT {base}+n,{base}+n,{values} FROM {source}"
        db.session.execute(text(insert))
        db.session.execute(text(f'UPDATE "order" SET {column} = id WHERE id > {base}'))
    db.session.commit()
    db.session.execute(text("ANALYZE"))
    db.session.commit()
    if db.engine.dialect.name == "postgresql":
        for table in ("order", "photo", "form"):
            db.session.execute(text(f"SELECT setval('{table}_id_seq', {base + count + 1})"))
        db.session.commit()
    return make_staff(Role.REVIEWER)


def measure(name: str, database: str | None) -> None:
    """One database."""
    with bench_app(database) as (app, _folder):
        seed_reasons()
        reviewer = _seed(ROWS[name])
        staff_id = reviewer.id
        client = sign_in(app.test_client(), reviewer)
        queries = [0]
        event.listen(db.engine, "before_cursor_execute", lambda *_: queries.__setitem__(0, queries[0] + 1))

        def page(address: str) -> None:
            answer = client.get(address)
            assert answer.status_code == 200

        for address in ("/review/desk", "/review/", "/review/?verdict=passed&sort=verdict", "/review/figures"):
            page(address)
            queries[0] = 0
            values = timed(lambda address=address: page(address), ROUNDS)  # type: ignore[misc]
            say(f"{name} {ROWS[name]:,}: {address}, ms", f"{spread(values)}  queries {queries[0] / ROUNDS:.0f}")

        def decide() -> None:
            staff = db.session.get_one(Staff, staff_id)
            order = review_queue.offer_next(staff, Filters())
            assert order is not None and order.photo_id is not None
            decisions.decide(staff, Seen(order.id, order.version, order.photo_id), Judgement("approved"))

        say(f"{name} {ROWS[name]:,}: next and decision, ms", spread(timed(decide, ROUNDS)))
        _plan(reviewer)


def _plan(reviewer: Any) -> None:
    """The plan of the queue's query: an index, never a scan of all orders."""
    from app.rules.states import Role

    staff = make_staff(Role.REVIEWER)
    query = review_queue.waiting(staff, Filters()).limit(1)
    compiled = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    word = "EXPLAIN" if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    for row in db.session.execute(text(f"{word} {compiled}")):
        say("   plan", str(row[-1]).strip())
    assert reviewer is not None


def main() -> None:
    """Both databases."""
    measure("sqlite", None)
    server = Postgres()
    server.start()
    try:
        measure("postgresql", server.url(server.create()))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
