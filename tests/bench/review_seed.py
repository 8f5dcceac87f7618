"""Many copies of one complete order, made by the database itself; one in a hundred waits for review."""

from __future__ import annotations

from sqlalchemy import text

from app.extensions import db
from app.models import Order, PhotoCheck
from app.rules.messages import LABELS
from app.rules.states import Role
from tests.factories import make_staff

STEP = 100
BASE = 1000
STAFF = 20
DAYS = 90
"""Decisions lie within so many days, as in a season."""
SEED = 2
"""Another number when what is made here changes: kept databases of an older one are left alone."""


def series(count: int) -> str:
    """The numbers from 1 to `count` as a table with the column n."""
    if db.engine.dialect.name == "postgresql":
        return f"(SELECT n FROM generate_series(1, {count}) AS g(n))"
    return f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < {count}) SELECT n FROM s)"


def fill(model: Order, count: int) -> None:
    """Orders, photos, forms and decisions `count` times; checks for those that wait, each twelfth of them to review."""
    order_id, photo_id, form_id = model.id, model.photo_id, model.form_id
    for number, code in enumerate(sorted(LABELS)):
        fail = number < 2
        db.session.add(PhotoCheck(photo_id=photo_id, code=code, verdict="warn" if fail else "pass", value=1.0, low=0,
                                  high=2, unit="px"))  # fmt: skip
    db.session.commit()
    people = [make_staff(Role.REVIEWER).id for _ in range(STAFF)]
    waits, to_review = f"s.n % {STEP} = 0", f"s.n % {12 * STEP} = 0"
    copy("order", f"t.id = {order_id}", count, {
        "number": "'N' || s.n", "account_id": "NULL", "version": "1", "photo_id": "NULL", "form_id": "NULL",
        "decision_id": "NULL", "state_since": _earlier("state_since"),
        "queue_due": _earlier("queue_due"), "queue_verdict": f"CASE WHEN {to_review} THEN 1 ELSE 2 END",
        "state": f"CASE WHEN {waits} THEN 'pending_review' ELSE 'completed' END",
    })  # fmt: skip
    verdict = f"CASE WHEN {to_review} THEN 'review' ELSE 'passed' END"
    copy("photo", f"t.id = {photo_id}", count, {"order_id": f"{BASE} + s.n", "verdict": verdict})
    copy("form", f"t.id = {form_id}", count, {"order_id": f"{BASE} + s.n", "student_no": "'S' || s.n"})
    execute(f'UPDATE "order" SET photo_id = id, form_id = id WHERE id > {BASE}')
    decided = _earlier("state_since", f"(s.n % {DAYS} * 86400)")
    execute(
        "INSERT INTO decision (id, order_id, photo_id, form_id, order_version, staff_id, kind, outcome, note, at,"
        f" visible_from, ms) SELECT {BASE} + s.n, {BASE} + s.n, {BASE} + s.n, {BASE} + s.n, 1,"
        f" {people[0]} + s.n % {STAFF}, 'normal', 'approved', '', {decided}, {decided}, 4000"
        f' FROM {series(count)} s, "order" t WHERE t.id = {order_id} AND NOT ({waits})'
    )
    execute(f"UPDATE \"order\" SET decision_id = id WHERE id > {BASE} AND state = 'completed'")
    execute(
        'INSERT INTO "check" (photo_id, code, verdict, value, unit, low, high, fault, args)'
        f" SELECT {BASE} + s.n * {STEP}, t.code, CASE WHEN s.n % 12 = 0 THEN t.verdict ELSE 'pass' END, t.value,"
        f" t.unit, t.low, t.high, t.fault, t.args FROM {series(count // STEP)} s"
        f', "check" t WHERE t.photo_id = {photo_id}'
    )
    _settle(count)


def _earlier(column: str, seconds: str = "s.n") -> str:
    if db.engine.dialect.name == "postgresql":
        return f"t.{column} - {seconds} * interval '1 second'"
    return f"datetime(t.{column}, '-' || {seconds} || ' seconds')"


def copy(table: str, source: str, count: int, changed: dict[str, str]) -> None:
    """Rows like the one that `source` (SQL on t) picks, `count` times; `changed` columns are SQL on s.n and t."""
    names = [column.name for column in db.metadata.tables[table].columns if column.name != "id"]
    values = ", ".join(changed.get(name, f"t.{name}") for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    execute(
        f'INSERT INTO "{table}" (id, {columns}) SELECT {BASE} + s.n, {values} FROM {series(count)} s, "{table}" t'
        f" WHERE {source}"
    )


def execute(statement: str) -> None:
    """Run one statement and keep it."""
    db.session.execute(text(statement))
    db.session.commit()


def _settle(count: int) -> None:
    if db.engine.dialect.name == "postgresql":
        for table in ("order", "photo", "form", "decision"):
            execute(f"SELECT setval('{table}_id_seq', {BASE + count + 1})")
    execute("ANALYZE")
