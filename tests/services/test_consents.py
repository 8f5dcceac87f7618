"""Withdrawn consent: what can be closed is closed at once, and the sweep ends what comes back or was left."""

from __future__ import annotations

import pytest
from flask import Flask

from app.adapters.clock import now
from app.extensions import db
from app.models import Batch, Consent, Order
from app.rules.states import OrderState, Role
from app.services import batches
from app.services.review import decisions
from app.services.students import consents
from app.services.transitions import Actor
from app.services.unit import unit_of_work
from tests.factories import Cast, make_order


def _state(order_id: int) -> str:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(Order, order_id).state


def _frozen(cast: Cast) -> tuple[int, Batch, Actor]:
    order_id, producer = make_order(
        cast.campaign, OrderState.PENDING_PRODUCTION, account=cast.student
    ).id, Actor(Role.PRODUCER, cast.producer.id)  # fmt: skip
    batch = batches.freeze(cast.campaign.id, "chsi", producer)
    assert batch is not None
    return order_id, batch, producer


def test_an_order_that_leaves_its_batch_is_ended(any_app: Flask, any_cast: Cast) -> None:
    order_id, batch, producer = _frozen(any_cast)
    number = db.session.get_one(Order, order_id).number
    assert consents.withdraw(any_cast.student.id) == [number]
    assert consents.end_withdrawn() == 0  # in a batch: it stays
    batches.discard(batch.id, producer, "名单有误")
    assert (consents.end_withdrawn(), _state(order_id)) == (1, "cancelled")
    assert consents.end_withdrawn() == 0


def test_a_recalled_order_is_ended(cast: Cast) -> None:
    order_id, _batch, _producer = _frozen(cast)
    consents.withdraw(cast.student.id)
    decisions.recall(cast.lead, order_id, "看错了人")
    assert (consents.end_withdrawn(), _state(order_id)) == (1, "cancelled")


def test_who_agreed_again_keeps_the_order(cast: Cast) -> None:
    order_id, batch, producer = _frozen(cast)
    consents.withdraw(cast.student.id)
    consents.give(cast.student.id, set(consents.TEXTS))
    batches.discard(batch.id, producer, "名单有误")
    assert (consents.end_withdrawn(), _state(order_id)) == (0, "pending_production")


@pytest.mark.parametrize("state", [OrderState.DRAFT, OrderState.REVISING, OrderState.PENDING_REVIEW])
def test_a_crash_after_the_withdrawal_loses_nothing(cast: Cast, state: OrderState) -> None:
    """The consents were withdrawn, and the process was killed before it came to the orders."""
    order_id, other = make_order(cast.campaign, state, account=cast.student).id, make_order(cast.campaign, state).id
    with unit_of_work():
        db.session.query(Consent).filter_by(account_id=cast.student.id).update({"withdrawn_at": now()})
    assert (consents.end_withdrawn(), _state(order_id), _state(other)) == (1, "cancelled", state.value)
