"""Migrations on a database with rows in it. On both databases."""

from __future__ import annotations

from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from app.extensions import db
from app.models import Batch, BatchDifference, BatchItem
from app.rules.states import OrderState
from app.services import batches
from tests.factories import Cast, make_order


def test_a_table_that_others_point_at_is_changed_and_keeps_its_rows(any_app: Flask, any_cast: Cast) -> None:
    """SQLite alters a table by copying and dropping it: with foreign keys watched that fails as soon as it is used."""
    make_order(any_cast.campaign, OrderState.PENDING_PRODUCTION)
    made = batches.freeze(any_cast.campaign.id, "chsi", batches.PRODUCER)
    assert made is not None
    number, made.replaced = made.number, '["B-1/photos/11010519491231002X.jpg"]'
    db.session.commit()
    db.session.remove()
    downgrade(revision="0012")
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT number, previous_id FROM batch")).all() == [(number, None)]
    upgrade()
    assert [(batch.number, len(batch.items)) for batch in db.session.query(Batch)] == [(number, 1)]
    assert db.session.query(BatchItem).count() == 1
    assert db.session.query(Batch).one().superseded == ["B-1/photos/11010519491231002X.jpg"]
    assert "11010519491231002X" not in str(db.session.execute(text("SELECT * FROM batch")).all())
    if db.engine.dialect.name == "sqlite":
        assert db.session.scalar(text("PRAGMA foreign_keys")) == 1


def test_what_a_receiver_wrote_rests_sealed_and_is_read_back(any_app: Flask, any_cast: Cast) -> None:
    make_order(any_cast.campaign, OrderState.PENDING_PRODUCTION)
    made = batches.freeze(any_cast.campaign.id, "chsi", batches.PRODUCER)
    assert made is not None
    made.acknowledgement = "其余一致，11010519491231002X 除外"
    db.session.add(
        BatchDifference(batch_id=made.id, subject="11010519491231002X.jpg", text="11010519491231002X 不是她")
    )
    db.session.commit()
    for step in (lambda: None, lambda: (db.session.remove(), downgrade(revision="0016"), upgrade())):
        step()
        found = db.session.query(BatchDifference).one()
        assert (found.subject, found.text) == ("11010519491231002X.jpg", "11010519491231002X 不是她")
        assert found.batch.acknowledgement == "其余一致，11010519491231002X 除外"
        for table in ("batch", "batch_difference"):
            assert "11010519491231002X" not in str(db.session.execute(text(f"SELECT * FROM {table}")).all())
