"""The unit of work: kept whole or not at all, hooks only after it was kept, and no lost update with four writers."""

from __future__ import annotations

import sqlite3
import threading
import traceback
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from app.extensions import db
from app.models import Form, Order, School
from app.rules.faults import StaleOrder
from app.rules.states import Action, OrderState, Role
from app.services.transitions import Actor, perform
from app.services.unit import only_busy, unit_of_work
from tests.busy import somebody_writes
from tests.factories import Cast, make_order, make_school


def test_it_keeps_everything_and_then_runs_hooks(app: Flask) -> None:
    done: list[str] = []
    with unit_of_work() as unit:
        db.session.add(School(code="20001", name="甲大学"))
        unit.after_commit(lambda: done.append(db.session.scalar(select(School.name)) or ""))
        assert done == []
    assert done == ["甲大学"]


def test_a_failure_keeps_nothing_and_runs_no_hook(app: Flask) -> None:
    done: list[str] = []
    with pytest.raises(ZeroDivisionError), unit_of_work() as unit:
        db.session.add(School(code="20001", name="甲大学"))
        unit.after_commit(lambda: done.append("ran"))
        raise ZeroDivisionError
    assert done == []
    assert db.session.scalar(select(School.id)) is None


def test_a_failing_hook_does_not_undo_what_was_kept(app: Flask) -> None:
    with unit_of_work() as unit:
        db.session.add(School(code="20001", name="甲大学"))
        unit.after_commit(lambda: 1 / 0)
    assert db.session.scalar(select(School.code)) == "20001"


def test_units_do_not_nest(app: Flask) -> None:
    with pytest.raises(RuntimeError), unit_of_work(), unit_of_work():
        pass
    with unit_of_work():
        pass


def in_threads(app: Flask, count: int, work: Any) -> list[Any]:
    """Run `work(number)` in threads with contexts of their own, all starting together; exceptions are results."""
    gate, results = threading.Barrier(count), [None] * count

    def run(number: int) -> None:
        with app.app_context():
            gate.wait()
            try:
                results[number] = work(number)
            except Exception as error:
                results[number] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_a_busy_database_is_told_from_a_broken_one(any_app: Flask) -> None:
    school_id = make_school().id
    db.session.rollback()
    with somebody_writes(), pytest.raises(OperationalError) as refused, unit_of_work(patience=0.05):
        db.session.execute(update(School).values(name="乙大学"))
    assert only_busy(refused.value)
    with unit_of_work():  # nothing is left of the refused one
        db.session.execute(update(School).values(name="丙大学"))
    assert db.session.get_one(School, school_id).name == "丙大学"
    broken = OperationalError("", {}, sqlite3.OperationalError("no such table: school"))
    assert not only_busy(broken)


def test_four_writers_lose_no_update(any_app: Flask) -> None:
    school_id = make_school().id
    db.session.remove()

    def add(_number: int) -> None:
        for _ in range(10):
            with unit_of_work():
                school = db.session.get_one(School, school_id, with_for_update=True)
                count = int(school.name_en or 0) + 1
                db.session.execute(update(School).where(School.id == school_id).values(name_en=str(count)))

    assert in_threads(any_app, 4, add) == [None] * 4
    assert db.session.get_one(School, school_id).name_en == "40"


def test_of_two_people_acting_at_once_one_wins(any_app: Flask, any_cast: Cast) -> None:
    order_id = make_order(any_cast.campaign, OrderState.PENDING_REVIEW).id
    actors = [Actor(Role.REVIEWER, any_cast.reviewer.id), Actor(Role.REVIEWER, any_cast.other_reviewer.id)]
    seen = db.session.get_one(Order, order_id).version
    db.session.remove()

    def decide(number: int) -> str:
        action = (Action.APPROVE, Action.REJECT)[number]
        with unit_of_work():
            perform(db.session.get_one(Order, order_id), action, actors[number], seen_version=seen)
        return action.value

    results = in_threads(any_app, 2, decide)
    assert sum(isinstance(result, StaleOrder) for result in results) == 1
    order = db.session.get_one(Order, order_id)
    (event,) = order.events
    assert event.action in results
    assert event.to_state == order.state
    assert order.version == seen + 1


def test_an_error_of_the_database_quotes_no_row(any_app: Flask) -> None:
    """Its whole trace goes to the log and to the RQ dashboard."""
    person = {"order_id": 1, "no": 1, "name": "王小明", "student_no": "S20230001", "email": "wang@example.com"}
    with pytest.raises(IntegrityError) as caught, unit_of_work():
        db.session.execute(insert(Form).values(**person))
    told = "".join(traceback.format_exception(caught.value))
    assert "id_type" in told  # what is wrong is still said
    assert not [text for text in ("王小明", "S20230001", "wang@example.com", "Failing row") if text in told]
