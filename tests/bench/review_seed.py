"""A season of 90 days in many copies of one complete order, made by the database itself; one in a hundred waits.

Orders come in portions, each with everything that belongs to it in one transaction, so that an interrupted filling goes
on where it ended. Numbers and times ascend together, as in life. Each tenth order was rejected once before it passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text

from app.extensions import db
from app.models import Campaign, Decision, Order, PhotoCheck, Reason, Staff
from app.rules.messages import LABELS
from app.rules.states import Role
from app.services.review.reasons import seed_reasons
from tests.factories import make_campaign, make_school, make_staff

STEP = 100
PORTION = 20_000
"""A multiple of 12 * STEP, so that a portion begins where the pattern of verdicts does."""

BASE = 1000
STAFF, CAMPAIGNS = 20, 8
DAYS = 90
SEED = 3
"""Another number when what is made here changes: kept databases of an older one are left alone."""


@dataclass(frozen=True)
class Season:
    """What all orders are like, and how many there will be."""

    order_id: int
    photo_id: int
    form_id: int
    first_staff: int
    campaigns: tuple[Campaign, ...]
    reasons: tuple[str, ...]
    count: int

    def ago(self, column: str, days: float = DAYS, hours: int = 0) -> str:
        """When what happened to order n did: the last one just now, the first one `days` ago; `hours` before that."""
        seconds = f"(({self.count} - s.n) * {days * 86400:.1f} / {self.count} + {hours * 3600})"
        if db.engine.dialect.name == "postgresql":
            return f"{column} - {seconds} * interval '1 second'"
        return f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '-' || {seconds} || ' seconds')"

    @staticmethod
    def one_of(values: Sequence[object], number: str) -> str:
        """By turns each of these values."""
        cases = " ".join(f"WHEN {place} THEN {value!r}" for place, value in enumerate(values))
        return f"CASE {number} % {len(values)} {cases} END"


WAITS, TO_REVIEW = f"s.n % {STEP} = 0", f"s.n % {12 * STEP} = 0"
FIRST_REJECTED = f"(s.n % 10 = 5 AND NOT {WAITS})"


def series(first: int, last: int) -> str:
    """The numbers from `first` to `last` as a table with the column n."""
    if db.engine.dialect.name == "postgresql":
        return f"(SELECT n FROM generate_series({first}, {last}) AS g(n))"
    return f"(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n+1 FROM s WHERE n < {last}) SELECT n FROM s)"


def filled() -> int:
    """How many orders there are already."""
    return max(0, (db.session.scalar(select(func.max(Order.id))) or 0) - BASE)


def fill(model: Order, count: int, progress: Callable[[str], object] = lambda line: None) -> None:
    """Orders, photos, forms, events and decisions up to `count`; checks for those that wait, each twelfth to review."""
    if not filled():
        _prepare(model)
    season = _season(model, count)
    done, start = filled(), time.monotonic()
    begun = done
    while done < count:
        last = min(done + PORTION, count)
        _portion(season, done + 1, last)
        left = (time.monotonic() - start) / (last - begun) * (count - last)
        done = last
        progress(f"{done:,} of {count:,} orders, {left / 60:.0f} min to go")
    _settle()


def _prepare(model: Order) -> None:
    """What the copies have in common: a photo's checks, who decides and why, where they come from."""
    seed_reasons()
    for number, code in enumerate(sorted(LABELS)):
        fail = number < 2
        db.session.add(PhotoCheck(photo_id=model.photo_id, code=code, verdict="warn" if fail else "pass", value=1.0,
                                  low=0, high=2, unit="px"))  # fmt: skip
    db.session.commit()
    for number in range(CAMPAIGNS - 1):
        school = model.school if number % 2 else make_school(f"{model.school.code}-{number}", name=f"第{number}大学")
        make_campaign(school, code=f"{model.campaign.code}-{number}")
    for number in range(STAFF):
        make_staff(Role.REVIEWER, name=f"season-{model.id}-{number}")


def _season(model: Order, count: int) -> Season:
    assert model.photo_id and model.form_id
    known = db.session.scalar(select(func.min(Decision.staff_id)).where(Decision.id > BASE))
    first_staff = known or db.session.scalar(select(Staff.id).order_by(Staff.id.desc()).offset(STAFF - 1).limit(1))
    reasons = tuple(db.session.scalars(select(Reason.code).order_by(Reason.position)))
    campaigns = tuple(db.session.query(Campaign).order_by(Campaign.id.desc()).limit(CAMPAIGNS))
    return Season(model.id, model.photo_id, model.form_id, first_staff or 0, campaigns, reasons, count)


def _portion(season: Season, first: int, last: int) -> None:
    """Orders `first` to `last` with all their rows, in one transaction."""
    with _unchecked():
        _rows(season, first, last)
        db.session.commit()


@contextmanager
def _unchecked() -> Iterator[None]:
    """A transaction of rows that point at each other: looked up one by one, SQLite would read all orders for each."""
    if db.engine.dialect.name == "postgresql":
        _run("SET LOCAL session_replication_role = replica")
        yield
        return
    driver: Any = db.session.connection().connection.driver_connection
    driver.executescript("PRAGMA foreign_keys = OFF; BEGIN")  # it commits first: within a transaction nothing changes
    yield
    driver.execute("PRAGMA foreign_keys = ON")


def _rows(season: Season, first: int, last: int) -> None:
    number = f"{BASE} + s.n"
    since = f"CASE WHEN {WAITS} THEN {season.ago('t.state_since', 3)} ELSE {season.ago('t.state_since')} END"
    verdict = f"CASE WHEN {TO_REVIEW} THEN 'review' ELSE 'passed' END"
    numbers = series(first, last)
    copy("photo", f"t.id = {season.photo_id}", numbers, {"order_id": number, "verdict": verdict})
    copy("form", f"t.id = {season.form_id}", numbers, {"order_id": number, "student_no": "'S' || s.n"})
    copy("order", f"t.id = {season.order_id}", numbers, {
        "number": "'N' || s.n", "account_id": "NULL", "version": "1", "photo_id": number, "form_id": number,
        "decision_id": f"CASE WHEN {WAITS} THEN NULL ELSE {BASE} + 2 * s.n END", "state_since": since,
        "queue_due": since, "queue_verdict": f"CASE WHEN {TO_REVIEW} THEN 1 ELSE 2 END",
        "state": f"CASE WHEN {WAITS} THEN 'pending_review' ELSE 'completed' END",
        "campaign_id": season.one_of([campaign.id for campaign in season.campaigns], "s.n / 10"),
        "school_id": season.one_of([campaign.school_id for campaign in season.campaigns], "s.n / 10"),
    })  # fmt: skip
    _decisions(season, numbers)
    _events(season, numbers)
    _run(
        'INSERT INTO "check" (photo_id, code, verdict, value, unit, low, high, fault, args)'
        f" SELECT {number}, t.code, CASE WHEN {TO_REVIEW} THEN t.verdict ELSE 'pass' END, t.value,"
        f" t.unit, t.low, t.high, t.fault, t.args FROM {numbers} s"
        f', "check" t WHERE t.photo_id = {season.photo_id} AND {WAITS}'
    )


def _decisions(season: Season, numbers: str) -> None:
    """An approval, and for some a rejection before it, which has one reason."""
    whole = f'{numbers} s, "order" t WHERE t.id = {season.order_id}'
    for outcome, before, which, hours in (("rejected", 1, FIRST_REJECTED, 6), ("approved", 0, f"NOT {WAITS}", 0)):
        at = season.ago("t.state_since", hours=hours)
        _run(
            "INSERT INTO decision (id, order_id, photo_id, form_id, order_version, staff_id, kind, outcome, note, at,"
            f" visible_from, ms) SELECT {BASE} + 2 * s.n - {before}, {BASE} + s.n, {BASE} + s.n, {BASE} + s.n, 1,"
            f" {season.first_staff} + s.n % {STAFF}, CASE WHEN s.n % 4 = 0 THEN 'bulk' ELSE 'normal' END, '{outcome}',"
            f" '', {at}, {at}, 1500 + s.n % 9000 * 7919 % 9000 FROM {whole} AND {which}"
        )
    code = season.one_of(season.reasons, "s.n / 10")
    _run(
        "INSERT INTO decision_reason (decision_id, code, text_zh, text_en, target)"
        f" SELECT {BASE} + 2 * s.n - 1, {code}, '', '', 'photo'"
        f" FROM {numbers} s WHERE {FIRST_REJECTED}"
    )


def _events(season: Season, numbers: str) -> None:
    """Paid, decided, exported and delivered; sent again after a rejection."""
    decided = f"NOT {WAITS}"
    waiting = (
        f"CASE WHEN {WAITS} THEN {season.ago('t.state_since', 3)} ELSE {season.ago('t.state_since', hours=20)} END"
    )
    for action, left, came, role, at, which in (
        ("pay", "pending_payment", "pending_review", "system", waiting, "true"),
        ("reject", "pending_review", "rejected", "reviewer", season.ago("t.state_since", hours=6), FIRST_REJECTED),
        ("resubmit", "rejected", "pending_review", "student", season.ago("t.state_since", hours=3), FIRST_REJECTED),
        ("approve", "pending_review", "pending_production", "reviewer", season.ago("t.state_since"), decided),
        ("export", "pending_production", "in_production", "producer", season.ago("t.state_since"), decided),
        ("deliver", "in_production", "completed", "producer", season.ago("t.state_since"), decided),
    ):
        _run(
            "INSERT INTO event (order_id, action, from_state, to_state, actor_role, cause, at)"
            f" SELECT {BASE} + s.n, '{action}', '{left}', '{came}', '{role}', '', {at}"
            f' FROM {numbers} s, "order" t WHERE t.id = {season.order_id} AND {which}'
        )


def copy(table: str, source: str, numbers: str, changed: dict[str, str]) -> None:
    """Rows like the one that `source` (SQL on t) picks, one a number; `changed` columns are SQL on s.n and t."""
    names = [column.name for column in db.metadata.tables[table].columns if column.name != "id"]
    values = ", ".join(changed.get(name, f"t.{name}") for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    _run(f'INSERT INTO "{table}" (id, {columns}) SELECT {BASE} + s.n, {values} FROM {numbers} s, "{table}" t'
         f" WHERE {source}")  # fmt: skip


def _run(statement: str) -> None:
    db.session.execute(text(statement))


def execute(statement: str, **options: Any) -> None:
    """Run one statement by itself."""
    with db.engine.connect().execution_options(**options) as connection:
        connection.execute(text(statement))
        connection.commit()


def _settle() -> None:
    """New rows get numbers behind these, and the database knows what it holds, as a server's own upkeep tells it."""
    if db.engine.dialect.name == "postgresql":
        for table in ("order", "photo", "form", "decision"):
            execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM \"{table}\"))")
        execute("VACUUM ANALYZE", isolation_level="AUTOCOMMIT")
    else:
        execute("ANALYZE")
