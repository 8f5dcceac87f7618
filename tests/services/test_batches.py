"""Batches: what is eligible, two producers, recall, discard, hand-over, delta. On both databases."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.adapters.clock import now
from app.adapters.storage import storage
from app.export.verify import verify
from app.extensions import db
from app.models import Batch, BatchItem, Consent, Event, Outbox
from app.rules.faults import ActionNotAllowed, Invalid, NotFound
from app.rules.states import OrderState
from app.services import batches
from app.services.review import decisions
from tests.factories import Cast, make_decision, make_form, make_order, make_photo
from tests.services.exports import approved, exported, numbers_in, order, producer
from tests.services.test_unit import in_threads


def test_a_batch_takes_every_approved_order_once(any_app: Flask, any_cast: Cast) -> None:
    numbers = approved(any_cast)
    make_order(any_cast.campaign, OrderState.PENDING_REVIEW)
    hidden = make_order(any_cast.campaign, OrderState.PENDING_PRODUCTION)
    hidden.decision_id = make_decision(hidden, "approved", visible_from=now().replace(year=now().year + 1)).id
    db.session.commit()
    batch = exported(any_cast)
    assert numbers_in(batch.path) == set(numbers)
    assert verify(Path(str(batch.path))).problems == ()
    assert batches.freeze(any_cast.campaign.id, "chsi", producer(any_cast)) is None
    assert batches.summary(exported(any_cast, "diploma")).count == 3
    found = order(numbers[0])
    assert (found.state, found.version) == ("in_production", 3)
    assert [(e.action, e.from_state, e.to_state, e.staff_id) for e in found.events] == [
        ("export", "pending_production", "in_production", any_cast.producer.id),
        ("export", "in_production", "in_production", any_cast.producer.id),
    ]


def test_two_producers_at_once_make_one_batch(any_app: Flask, any_cast: Cast) -> None:
    approved(any_cast, 8)
    campaign_id = any_cast.campaign.id
    db.session.remove()

    def freeze(_number: int) -> str | None:
        batch = batches.freeze(campaign_id, "chsi", batches.PRODUCER)
        return batch.number if batch else None

    results = in_threads(any_app, 4, freeze)
    assert not [result for result in results if isinstance(result, Exception)]
    assert sum(result is not None for result in results) == 1
    assert db.session.query(BatchItem).count() == 8
    assert db.session.query(Event).filter_by(action="export").count() == 8


def test_who_withdrew_consent_is_left_out_and_named(any_app: Flask, any_cast: Cast) -> None:
    first, second = approved(any_cast, 2)
    db.session.query(Consent).filter_by(account_id=order(first).account_id, kind="handover").update(
        {"withdrawn_at": now()}
    )
    db.session.commit()
    found = batches.preview(any_cast.campaign, "chsi")
    assert (found.count, {p.kind: p.orders for p in found.problems}["no_consent"]) == (1, (first,))
    assert batches.eligible_counts("chsi") == {any_cast.campaign.id: 1}
    assert numbers_in(exported(any_cast).path) == {second}


def test_the_dry_run_writes_nothing(any_app: Flask, any_cast: Cast) -> None:
    numbers = approved(any_cast, 2)
    storage().delete(order(numbers[1]).photo.rendition_key or "")
    found = batches.preview(any_cast.campaign, "chsi")
    assert {p.kind for p in found.problems} == {"missing_file", "too_small"}
    assert [p.orders for p in found.problems if p.stops] == [(numbers[1],)]
    assert db.session.query(Batch).count() == 0
    assert {order(number).state for number in numbers} == {"pending_production"}


def test_a_built_batch_with_a_recalled_order_is_not_handed_over(any_app: Flask, any_cast: Cast) -> None:
    """Its number stands for its bytes: it is discarded and the rest exported under a new one."""
    numbers = approved(any_cast)
    batch = exported(any_cast)
    decisions.recall(any_cast.producer, order(numbers[0]).id, "wrong person")
    with pytest.raises(ActionNotAllowed):
        batches.hand_over(batch.id, producer(any_cast))
    path = Path(str(batches.by_number(batch.number).path))
    batches.discard(batch.id, producer(any_cast), "one was recalled")
    assert not path.exists()
    assert {order(number).state for number in numbers[1:]} == {"pending_production"}
    again = exported(any_cast)
    assert again.number.endswith("X002") and numbers_in(again.path) == set(numbers[1:])


def test_discarding_one_kind_keeps_what_is_in_the_other(any_app: Flask, any_cast: Cast) -> None:
    (number,) = approved(any_cast, 1)
    one, other = exported(any_cast), exported(any_cast, "diploma")
    ids = one.id, other.id
    with pytest.raises(Invalid):
        batches.discard(ids[0], producer(any_cast), " ")
    batches.discard(ids[0], producer(any_cast), "wrong rule")
    assert order(number).state == "in_production"
    batches.discard(ids[1], producer(any_cast), "wrong paper")
    assert order(number).state == "pending_production"


def test_orders_are_completed_when_every_kind_is_handed_over(any_app: Flask, any_cast: Cast) -> None:
    numbers = approved(any_cast)
    one, other = exported(any_cast).id, exported(any_cast, "diploma").id
    assert batches.hand_over(one, producer(any_cast)) == 0
    assert {order(number).state for number in numbers} == {"in_production"}
    assert batches.hand_over(other, producer(any_cast)) == 3
    assert {order(number).state for number in numbers} == {"completed"}
    assert db.session.query(Outbox).filter_by(kind="delivered").count() == 3
    with pytest.raises(ActionNotAllowed):
        batches.hand_over(other, producer(any_cast))
    with pytest.raises(ActionNotAllowed):
        batches.discard(other, producer(any_cast), "too late")


def test_a_delta_batch_holds_only_what_changed_and_names_what_it_replaces(any_app: Flask, any_cast: Cast) -> None:
    numbers = approved(any_cast)
    first = exported(any_cast)
    first_number, path = first.number, Path(str(first.path))
    before = path.read_bytes()
    batches.hand_over(first.id, producer(any_cast))
    decisions.recall(any_cast.producer, order(numbers[1]).id, "closed eyes")
    _approve_again(numbers[1])
    fresh = approved(any_cast, 1)
    second = exported(any_cast)
    assert numbers_in(second.path) == {numbers[1], *fresh}
    with zipfile.ZipFile(str(second.path)) as opened:
        facts = json.loads(opened.read("batch.json"))["batch"]
    name = order(numbers[1]).form.id_no
    assert facts["superseded"] == [f"{first_number}/photos/{name}.jpg"]
    assert facts["previous"] == first_number
    assert batches.summary(batches.by_number(first_number)).superseded == 1
    batches.build(batches.by_number(first_number).id, lambda done, total: None)
    assert path.read_bytes() == before  # what was delivered stays what it was


def _approve_again(number: str) -> None:
    found = order(number)
    found.photo_id = make_photo(found).id
    found.decision_id = make_decision(found, "approved").id
    found.state = OrderState.PENDING_PRODUCTION.value
    db.session.commit()


def test_two_orders_of_one_identity_get_two_files(app: Flask, cast: Cast) -> None:
    for _ in range(2):
        made = make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
        made.form_id = make_form(made, id_no="11010519491231002X").id
        db.session.commit()
    with zipfile.ZipFile(str(exported(cast).path)) as opened:
        names = [name for name in opened.namelist() if name.startswith("photos/")]
    assert names == ["photos/11010519491231002X-2.jpg", "photos/11010519491231002X.jpg"]


def test_a_small_code_leads_back_to_its_order(app: Flask, cast: Cast) -> None:
    numbers = approved(cast)
    batch = exported(cast, "diploma")
    assert batches.find_item(f" {batch.number}/2\n", cast.producer) == numbers[1]
    for wrong in ("", "x", f"{batch.number}/9", f"{batch.number}/x", "/1"):
        with pytest.raises(NotFound):
            batches.find_item(wrong, cast.producer)


def test_a_long_list_is_shown_page_by_page_without_names(app: Flask, cast: Cast, monkeypatch: Any) -> None:
    numbers = approved(cast, 5)
    monkeypatch.setattr("app.services.batches.finding.PAGE", 2)
    batch = exported(cast)
    batches.hand_over(batch.id, producer(cast))
    rows = [row for page in (1, 2, 3, 4) for row in batches.page_of(batch, page)]
    assert [row.order_number for row in rows] == numbers
    decisions.recall(cast.producer, order(numbers[4]).id, "closed eyes")
    assert [(r.position, r.superseded_cause) for r in batches.page_of(batch, 1, changed=True)] == [(5, "closed eyes")]
