"""Every figure equals what one counts by hand from the events of a random season."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import median

import pytest
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func

from app.adapters.clock import beijing
from app.extensions import db
from app.models import Campaign, Decision, Event, Order, Photo, ReviewDay, School, Staff
from app.rules.faults import Fault
from app.rules.forecast import empty_at
from app.rules.states import Action, OrderState, Role
from app.services.review import decisions, leases, periods, statistics, tallies
from app.services.review.decisions import Judgement, Seen
from app.services.review.periods import HOUR, Period
from app.services.review.reasons import seed_reasons
from app.services.review.rejections import Told
from app.services.review.statistics import Outcomes, Reviewer
from app.services.review.tallies import Scope
from app.services.transitions import SYSTEM, Actor, perform
from app.services.unit import unit_of_work
from tests.factories import Cast, make_campaign, make_order, make_school

STEPS = 2000 if os.environ.get("CAIXIANG_SOAK") else 100
SEEDS = range(5) if os.environ.get("CAIXIANG_SOAK") else range(1)
START = datetime(2026, 6, 1, 20, 30, tzinfo=UTC)  # half past four in the morning in Beijing
WAITING = "pending_review"
DAY = 24 * HOUR
STUDENT = Actor(Role.STUDENT)


class Season:
    """Orders that arrive, are decided, undone, fixed, withdrawn, appealed against and recalled, at random times."""

    def __init__(self, cast: Cast, seed: int, clock: time_machine.Coordinates) -> None:
        self.chance, self.clock = random.Random(seed), clock
        other = make_campaign(make_school("10002", name="另一大学"))
        self.campaigns = [cast.campaign.id, cast.campaign.id, other.id]
        self.people = [cast.reviewer.id, cast.other_reviewer.id, cast.lead.id]
        self.last: Decision | None = None

    def play(self, steps: int) -> None:
        """So many things happen."""
        acts = (self.arrive, self.arrive, self.decide, self.decide, self.decide, self.undo, self.come_back, self.leave)
        for _ in range(steps):
            self.clock.shift(self.chance.choice((1, 7, 15, 300, 1800, 5400)))
            try:
                self.chance.choice(acts)()
            except Fault:
                continue

    def arrive(self) -> None:
        campaign = db.session.get_one(Campaign, self.chance.choice(self.campaigns))
        verdict = self.chance.choice(("passed", "review", "failed"))
        order = make_order(campaign, OrderState.PENDING_PAYMENT, verdict=verdict)
        with unit_of_work():
            perform(db.session.get_one(Order, order.id), Action.PAY, SYSTEM)

    def _any(self, *states: str) -> Order | None:
        found = db.session.query(Order).filter(Order.state.in_(states)).order_by(Order.id).all()
        return self.chance.choice(found) if found else None

    def decide(self) -> None:
        order = self._any(WAITING)
        if order is None:
            return
        staff = db.session.get_one(Staff, self.chance.choice(self.people))
        leases.lease(order.id, staff, take_over=True)
        reasons = self.chance.sample(("background", "light", "name"), self.chance.choice((1, 2)))
        outcome = self.chance.choice(("approved", "approved", "rejected"))
        kind = "bulk" if outcome == "approved" and self.chance.random() < 0.3 else "normal"
        judgement = Judgement(outcome, Told(reasons), ms=self.chance.randrange(20_000), kind=kind)
        order = db.session.get_one(Order, order.id)
        self.last = decisions.decide(staff, Seen(order.id, order.version, order.photo_id), judgement)

    def undo(self) -> None:
        if self.last is not None:
            decisions.undo(db.session.get_one(Staff, self.last.staff_id), self.last.id)

    def come_back(self) -> None:
        order = self._any("rejected", "revising")
        if order is not None:
            with unit_of_work():
                action = Action.APPEAL if order.state == "rejected" and self.chance.random() < 0.2 else Action.RESUBMIT
                perform(db.session.get_one(Order, order.id), action, STUDENT)

    def leave(self) -> None:
        order = self._any(WAITING, "pending_production")
        if order is not None:
            with unit_of_work():
                fresh = db.session.get_one(Order, order.id)
                if fresh.state == WAITING:
                    perform(fresh, Action.WITHDRAW, STUDENT)
                else:
                    perform(fresh, Action.RECALL, Actor(Role.LEAD, self.people[2]), cause="x")


class Ledger:
    """The same figures, counted one event at a time in plain Python."""

    def __init__(self, schools: set[int] | None = None, campaign: int | None = None) -> None:
        orders = {order.id: order for order in db.session.query(Order)}
        self.events = [
            event
            for event in db.session.query(Event).order_by(Event.id)
            if (schools is None or orders[event.order_id].school_id in schools)
            and campaign in (None, orders[event.order_id].campaign_id)
        ]
        self.orders = {
            number: order
            for number, order in orders.items()
            if (schools is None or order.school_id in schools) and campaign in (None, order.campaign_id)
        }
        undone = {event.decision_id for event in self.events if event.action == "undo"}
        self.decided = [e for e in self.events if e.action in ("approve", "reject") and e.decision_id not in undone]
        self.rows = {decision.id: decision for decision in db.session.query(Decision)}
        self.undone = undone

    def since(self, moment: datetime) -> list[Event]:
        return [event for event in self.decided if event.at >= moment]

    def arrivals(self) -> list[Event]:
        return [e for e in self.events if e.to_state == WAITING and e.from_state != WAITING and e.action != "undo"]

    def waiting_at(self, moment: datetime) -> int:
        """How many orders stood in the queue just before `moment`."""
        last = {event.order_id: event.to_state for event in self.events if event.at < moment}
        return sum(state == WAITING for state in last.values())


@pytest.fixture(params=SEEDS)
def season(request: pytest.FixtureRequest, any_app: Flask, any_cast: Cast):  # type: ignore[no-untyped-def]
    """A random season is over; the clock stands still."""
    seed_reasons()
    with time_machine.travel(START, tick=False) as clock:
        Season(any_cast, request.param, clock).play(STEPS)
        yield clock


def test_every_figure_equals_a_count_by_hand(season: time_machine.Coordinates) -> None:
    _everything()  # counted from all rows
    kept = 0
    while more := tallies.keep_due():
        kept += more
    assert kept == tallies.REACH == db.session.query(ReviewDay).count()
    _everything()  # from the sums of the days that are over, and the running one
    assert len(Ledger().decided) > 20
    assert Ledger().undone


def test_kept_days_and_later_ones_add_up(any_app: Flask, any_cast: Cast) -> None:
    seed_reasons()
    with time_machine.travel(START, tick=False) as clock:
        season = Season(any_cast, 7, clock)
        for _ in range(4):
            season.play(STEPS // 4)
            tallies.keep_due()
            _everything()
    last, days = db.session.query(func.max(ReviewDay.day)).scalar(), db.session.query(ReviewDay).all()
    assert any(day.sums for day in days) and last < beijing(datetime.now(UTC)).date()


def test_a_day_is_kept_only_when_nothing_of_it_can_be_undone(any_app: Flask, any_cast: Cast) -> None:
    midnight = datetime(2026, 6, 1, 16, tzinfo=UTC)  # in Beijing
    with time_machine.travel(midnight + timedelta(minutes=59), tick=False) as clock:
        tallies.keep_due()
        assert db.session.query(func.max(ReviewDay.day)).scalar() == date(2026, 5, 31)
        clock.shift(60)
        tallies.keep_due()
        assert db.session.query(func.max(ReviewDay.day)).scalar() == date(2026, 6, 1)
        assert any_app.config["VISIBLE_AFTER_SECONDS"] < tallies.SETTLED.total_seconds()


def _everything() -> None:
    db.session.expire_all()
    other = db.session.query(School).filter_by(code="10002").one()
    campaign = db.session.query(Campaign).order_by(Campaign.id).first()
    assert campaign is not None
    for scope, ledger in (
        (Scope(), Ledger()),
        (Scope(frozenset({other.id})), Ledger({other.id})),
        (Scope(campaign=campaign.id), Ledger(campaign=campaign.id)),
    ):
        _live(scope, ledger)
        for days, seconds, count in ((1, HOUR, 24), (7, DAY, 7), (90, DAY, 90)):
            found = periods.period(scope, days, statistics.live(scope).waiting)
            _period(scope, ledger, found)
            _buckets(ledger, found, seconds, count)


def _live(scope: Scope, ledger: Ledger) -> None:
    moment = datetime.now(UTC)
    hour, live = moment - timedelta(hours=1), statistics.live(scope)
    queue = [order for order in ledger.orders.values() if order.state == WAITING]
    assert live.waiting == len(queue) == ledger.waiting_at(moment + timedelta(seconds=1))
    verdicts = Counter(db.session.get_one(Photo, order.photo_id).verdict for order in queue)
    assert dict(live.verdicts) == dict(verdicts)
    came = [event for event in ledger.events if event.to_state == WAITING and event.action != "undo"]
    last_into = {event.order_id: event.at for event in came}
    assert live.oldest == min((last_into[order.id] for order in queue), default=None)
    assert live.decided == len(ledger.since(hour))
    assert live.rejected == sum(event.action == "reject" for event in ledger.since(hour))
    assert live.arrived == sum(event.at >= hour for event in ledger.arrivals())
    assert live.empty_at == empty_at(live.waiting, live.decided, live.arrived, moment)


def _period(scope: Scope, ledger: Ledger, found: Period) -> None:
    since = found.since
    decided = ledger.since(since)
    schools: dict[str, list[int]] = {}
    for event in decided:
        name = ledger.orders[event.order_id].school.name
        schools.setdefault(name, [0, 0])[event.action == "reject"] += 1
    assert {name: [good, bad] for name, good, bad in statistics.by_school(found)} == schools
    reasons = Counter(reason.code for event in decided for reason in ledger.rows[event.decision_id].reasons)
    assert dict(statistics.by_reason(found)) == dict(reasons)
    _outcomes(ledger, since, statistics.outcomes(scope, found))
    waits = []
    for event in decided:
        came = [e.at for e in ledger.arrivals() if e.order_id == event.order_id and e.at <= event.at]
        waits.append(int((event.at - came[-1]).total_seconds()))
    assert statistics.waiting_times(scope, since) == sorted(waits)
    _reviewers(ledger, since, statistics.reviewers(found))


def _outcomes(ledger: Ledger, since: datetime, found: Outcomes) -> None:
    rejected: dict[int, int] = {}
    for event in ledger.since(since):
        if event.action == "reject":
            rejected.setdefault(event.order_id, event.id)
    fixed = {e.order_id for e in ledger.decided if e.action == "approve" and e.id > rejected.get(e.order_id, 10**9)}
    assert (found.rejected, found.fixed) == (len(rejected), len(fixed))
    firsts: dict[int, Event] = {}
    for event in ledger.decided:
        firsts.setdefault(event.order_id, event)
    recent = [event for event in firsts.values() if event.at >= since]
    assert (found.first, found.first_passed) == (len(recent), sum(event.action == "approve" for event in recent))


def _reviewers(ledger: Ledger, since: datetime, people: Sequence[Reviewer]) -> None:
    mine: dict[int, list[Event]] = {}
    for event in ledger.since(since):
        mine.setdefault(event.staff_id, []).append(event)
    found = {person.name: person for person in people if person.decided}
    assert len(found) == len(mine)
    for staff_id, events in mine.items():
        person, rows = found[db.session.get_one(Staff, staff_id).name], [ledger.rows[e.decision_id] for e in events]
        assert person.decided == len(events)
        assert person.rejected == sum(event.action == "reject" for event in events)
        assert person.bulk == sum(row.kind == "bulk" for row in rows)
        tenths = sorted(row.ms // 100 * 100 for row in rows if row.kind != "bulk" and row.ms >= 100)
        assert person.median_ms == (tenths[(len(tenths) - 1) // 2] if tenths else None)


def _buckets(ledger: Ledger, found: Period, seconds: int, count: int) -> None:
    buckets = found.buckets
    assert len(buckets) == count and buckets[0].start == found.since
    assert buckets[-1].start <= datetime.now(UTC) < buckets[-1].start + timedelta(seconds=seconds)
    for bucket in buckets:
        end = bucket.start + timedelta(seconds=seconds)
        within = [event for event in ledger.decided if bucket.start <= event.at < end]
        assert bucket.approved == sum(event.action == "approve" for event in within)
        assert bucket.rejected == sum(event.action == "reject" for event in within)
        assert bucket.arrived == sum(bucket.start <= event.at < end for event in ledger.arrivals())
        assert bucket.waiting == ledger.waiting_at(end)
        if seconds == DAY:
            assert (bucket.start + timedelta(hours=8)).hour == 0  # midnight in Beijing


@given(st.lists(st.integers(0, 500), min_size=1))
def test_the_median_of_counted_times_is_the_lower_median(values: list[int]) -> None:
    counted = sorted(Counter(values).items())
    found = statistics.quantile(counted, 0.5)
    assert found == sorted(values)[(len(values) - 1) // 2] * 100
    assert len(values) % 2 == 0 or found == median(values) * 100


@pytest.mark.parametrize(
    ("waiting", "decided", "arrived", "hours"),
    [
        (0, 0, 0, 0),
        (100, 60, 10, 2),
        (100, 10, 10, None),  # never, at this pace
        (100, 0, 50, None),
        (100_000, 1, 0, None),  # beyond a month
    ],
)
def test_the_forecast(waiting: int, decided: int, arrived: int, hours: int | None) -> None:
    found = empty_at(waiting, decided, arrived, START)
    assert found == (None if hours is None else START + timedelta(hours=hours))
