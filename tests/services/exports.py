"""What the tests of batches share: approved orders, a batch of them, what is in it."""

from __future__ import annotations

import zipfile

from app.extensions import db
from app.models import Batch, Order
from app.rules.states import OrderState
from app.services import batches
from app.services.transitions import Actor, Role
from tests.factories import Cast, make_order


def approved(cast: Cast, count: int = 3) -> list[str]:
    """Numbers of orders ready for production."""
    return [make_order(cast.campaign, OrderState.PENDING_PRODUCTION).number for _ in range(count)]


def order(number: str) -> Order:
    """The order as it is now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.query(Order).filter_by(number=number).one()


def producer(cast: Cast) -> Actor:
    """The cast's producer, as the one who acts."""
    return Actor(Role.PRODUCER, cast.producer.id)


def exported(cast: Cast, kind: str = "chsi") -> Batch:
    """A batch of everything there is, built."""
    batch = batches.freeze(cast.campaign.id, kind, producer(cast))
    assert batch is not None
    batches.build(batch.id, lambda done, total: None)
    return batches.by_number(batch.number)


def numbers_in(path: str | None) -> set[str]:
    """Order numbers of a ZIP's manifest."""
    with zipfile.ZipFile(str(path)) as opened:
        lines = opened.read("manifest.csv").decode("utf-8-sig").splitlines()[1:]
    return {line.split(",")[1] for line in lines}
