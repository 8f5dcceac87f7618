"""What payments, refunds and callbacks state cannot be changed or deleted: both databases refuse it themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.adapters.clock import now
from app.extensions import db
from app.models import Refund
from app.rules.states import Role
from app.services.money import refunds
from app.services.transitions import Actor
from tests.conftest import Shop
from tests.services.money import paid


def refused(statement: str, **values: Any) -> bool:
    """Whether the database refuses a statement that no service of ours would ever send."""
    db.session.rollback()
    try:
        db.session.execute(text(statement), values)
        db.session.rollback()
    except DBAPIError as error:
        db.session.rollback()
        assert "append-only" in str(error)
        return True
    return False


LATER = now() + timedelta(days=1)
FACTS = {
    "payment": ["amount_fen = 1", "out_trade_no = 'X'", "method = 'x'", "order_id = order_id + 1", "state = 'open'",
                "transaction_id = 'other'", "transaction_id = NULL", "evidence = 'query'", "expires_at = :t",
                "created_at = :t", "paid_at = :t", "state = 'closed'"],
    "refund": ["amount_fen = 1", "out_refund_no = 'X'", "cause = ''", "payment_id = payment_id + 1", "staff_id = 1",
               "state = 'failed'", "settled_at = :t", "created_at = :t"],
    "notify_log": ["outcome = 'paid twice'", "notify_id = 'x'", "out_trade_no = 'x'", "amount_fen = 1", "at = :t"],
}  # fmt: skip


def _settled(shop: Shop) -> None:
    order_id, _ = paid(shop)
    refunds.by_finance(order_id, Actor(Role.FINANCE), "学生申请")
    refund_id = db.session.query(Refund).one().id
    refunds.drive(refund_id)
    assert refunds.drive(refund_id) == "succeeded"


def test_facts_are_refused_and_the_rest_is_not(any_shop: Shop) -> None:
    _settled(any_shop)
    moment = LATER.replace(tzinfo=None) if db.engine.dialect.name == "sqlite" else LATER
    for table, changes in FACTS.items():
        for change in changes:
            values = {"t": moment} if ":t" in change else {}
            assert refused(f"UPDATE {table} SET {change}", **values), f"{table}: {change}"
        assert refused(f"DELETE FROM {table}"), table
    assert not refused("UPDATE payment SET handle = 'x', queries = 7")
    assert not refused("UPDATE refund SET attempts = 7, failure = 'x'")


def test_no_payment_is_paid_without_its_evidence(any_shop: Shop) -> None:
    from tests.services.money import opened

    opened()
    assert refused("UPDATE payment SET state = 'paid'")
    assert refused("UPDATE payment SET state = 'paid', transaction_id = '1', evidence = 'callback'")


def test_a_payment_has_one_refund(any_shop: Shop) -> None:
    _settled(any_shop)
    row = db.session.query(Refund).one()
    with pytest.raises(DBAPIError, match=r"(?i)unique"):
        db.session.add(Refund(payment_id=row.payment_id, out_refund_no="R2", amount_fen=1, cause="x"))
        db.session.commit()
    db.session.rollback()
