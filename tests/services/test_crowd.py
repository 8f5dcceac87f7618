"""Many reviewers at once, with crashes: every order decided exactly once, none stuck longer than the lease."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter

from flask import Flask

from app.adapters.clock import now
from app.extensions import db
from app.models import Decision, Event, Order, Staff
from app.rules.faults import Fault
from app.rules.states import OrderState, Role
from app.services.access import looks
from app.services.review import decisions, galleries, leases, queue_lists, review_queue
from app.services.review.decisions import Judgement, Seen
from app.services.review.queue_filters import Filters
from app.services.review.reasons import seed_reasons
from app.services.review.rejections import Told
from tests.factories import Cast, make_order, make_staff

REVIEWERS, ORDERS = (50, 600) if os.environ.get("CAIXIANG_SOAK") else (8, 40)
LEASE = 1
"""Seconds; short, so that what a crashed browser held comes free while the test runs."""
APPROVE, REJECT = Judgement("approved"), Judgement("rejected", Told(("background",)))


class Crowd:
    """Reviewers in tabs of their own.

    Their browsers die with a lease, they press twice, take over, come late, undo, and approve galleries. Each goes home
    when for longer than a lease nothing was offered to them and nothing is waiting.
    """

    def __init__(self, app: Flask, people: list[int]) -> None:
        self.app, self.people, self.faults = app, people, list[BaseException]()

    def run(self) -> None:
        """All of them, until nothing is left."""
        threads = [threading.Thread(target=self._work, args=(person,)) for person in self.people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.faults == []

    def _work(self, staff_id: int) -> None:
        chance, last = random.Random(staff_id), time.monotonic()
        try:
            while time.monotonic() - last < 3 * LEASE:
                with self.app.app_context():
                    worked = self._one(db.session.get_one(Staff, staff_id), chance)
                if worked:
                    last = time.monotonic()
                else:
                    time.sleep(0.1)  # without a connection, like a browser between two requests
        except BaseException as fault:
            self.faults.append(fault)

    def _one(self, staff: Staff, chance: random.Random) -> bool:
        tab, staff_id = f"{staff.id}-{chance.random()}", staff.id  # each time as after a crash: a new tab
        if chance.random() < 0.05:
            return self._gallery(staff, tab)
        order_id = review_queue.offer_next(staff, Filters(), tab=tab)
        if order_id is None:
            return False
        order = db.session.get_one(Order, order_id)
        seen = Seen(order.id, order.version, order.photo_id or 0)
        fate = chance.random()
        if fate < 0.15:  # the browser died; its lease must run out by itself
            return True
        if fate < 0.25:
            leases.lease(seen.order_id, self._somebody(chance), "other", take_over=True)
        for _ in range(1 + (chance.random() < 0.2)):
            self._decide(db.session.get_one(Staff, staff_id), seen, chance)
        return True

    def _decide(self, staff: Staff, seen: Seen, chance: random.Random) -> None:
        staff_id = staff.id
        try:
            made = decisions.decide(staff, seen, chance.choice([APPROVE, REJECT]))
            if chance.random() < 0.1:
                decisions.undo(db.session.get_one(Staff, staff_id), made.id)
        except Fault:
            db.session.rollback()

    def _gallery(self, staff: Staff, tab: str) -> bool:
        since, staff_id = now(), staff.id
        orders = queue_lists.green(staff, Filters(verdict="passed"), 6, tab)
        shown = [Seen(order.id, order.version, order.photo_id or 0) for order in orders]
        for seen in shown:
            looks.saw_photo(db.session.get_one(Staff, staff_id), seen.photo_id, "gallery")
        done = galleries.approve(db.session.get_one(Staff, staff_id), shown, set(), since)
        return bool(done.made)

    def _somebody(self, chance: random.Random) -> Staff:
        return db.session.get_one(Staff, chance.choice(self.people))


def test_every_order_is_decided_exactly_once_and_none_stays_stuck(any_app: Flask, any_cast: Cast) -> None:
    seed_reasons()
    any_app.config["LEASE_SECONDS"] = LEASE
    ids = [make_order(any_cast.campaign, OrderState.PENDING_REVIEW).id for _ in range(ORDERS)]
    Crowd(any_app, [make_staff(Role.REVIEWER).id for _ in range(REVIEWERS)]).run()
    db.session.rollback()
    assert db.session.query(Order).filter_by(state="pending_review").count() == 0
    standing = Counter(row.order_id for row in db.session.query(Decision).filter(Decision.undone_at.is_(None)))
    assert standing == dict.fromkeys(ids, 1)
    moves = Counter(row.action for row in db.session.query(Event))
    assert moves["approve"] + moves["reject"] - moves["undo"] == ORDERS
    assert db.session.query(Decision).count() == moves["approve"] + moves["reject"]
    order_of = {row.id: row.decision_id for row in db.session.query(Order)}
    assert {order_of[row.order_id] for row in db.session.query(Decision).filter(Decision.undone_at.is_(None))} == {
        row.id for row in db.session.query(Decision).filter(Decision.undone_at.is_(None))
    }
