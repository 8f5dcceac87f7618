"""Building a frozen batch: recalled, killed, with pictures lost, again over what lies there."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.adapters.storage import storage
from app.export.durable import remove
from app.export.pictures import SourceChanged
from app.export.verify import verify
from app.extensions import db
from app.rules.faults import ActionNotAllowed
from app.services import batches
from app.services.batches import building, handover
from app.services.review import decisions
from tests.factories import Cast, make_form
from tests.services.exports import approved, exported, numbers_in, order, producer


def test_a_recall_before_the_build_leaves_the_list(any_app: Flask, any_cast: Cast) -> None:
    numbers = approved(any_cast)
    batch = batches.freeze(any_cast.campaign.id, "chsi", producer(any_cast))
    assert batch is not None
    decisions.recall(any_cast.producer, order(numbers[0]).id, "wrong person")
    path = batches.build(batch.id, lambda done, total: None)
    assert numbers_in(str(path)) == set(numbers[1:])


def test_a_recall_while_it_is_built_starts_the_build_again(any_app: Flask, any_cast: Cast) -> None:
    numbers = approved(any_cast)
    batch = batches.freeze(any_cast.campaign.id, "chsi", producer(any_cast))
    assert batch is not None
    recalled: list[str] = []

    def progress(done: int, total: int) -> None:
        if done == 2 and not recalled:
            recalled.append(numbers[1])
            decisions.recall(any_cast.producer, order(numbers[1]).id, "closed eyes")

    path = batches.build(batch.id, progress)
    assert numbers_in(str(path)) == {numbers[0], numbers[2]}
    assert verify(path).problems == ()
    assert batches.by_number(batch.number).state == "ready"


def test_when_all_are_recalled_the_batch_is_discarded(any_app: Flask, any_cast: Cast) -> None:
    (number,) = approved(any_cast, 1)
    batch = batches.freeze(any_cast.campaign.id, "chsi", producer(any_cast))
    assert batch is not None
    decisions.recall(any_cast.producer, order(number).id, "wrong person")
    with pytest.raises(ActionNotAllowed):
        batches.build(batch.id, lambda done, total: None)
    assert batches.by_number(batch.number).state == "discarded"
    with pytest.raises(ActionNotAllowed):
        batches.build(batch.id, lambda done, total: None)


@pytest.mark.parametrize("kind", ["chsi", "diploma"])
def test_what_a_killed_build_left_goes_with_a_discarded_batch(
    app: Flask, cast: Cast, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its photos lie in a hidden file or folder that no row names; and a kill between discarding and deleting."""
    approved(cast)
    batch, folder = batches.freeze(cast.campaign.id, kind, producer(cast)), Path(app.config["BATCH_FOLDER"])
    assert batch is not None

    def killed(done: int, _total: int) -> None:
        modes = [path.stat().st_mode & 0o077 for path in folder.glob(".*.part")]
        assert modes == [0] and folder.stat().st_mode & 0o077 == 0  # nobody else looks in
        if done == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(building, "remove", lambda path: None)
        batches.build(batch.id, killed)
    with monkeypatch.context() as patched:
        patched.setattr(handover, "clear", lambda batch: None)
        batches.discard(batch.id, producer(cast), "wrong rule")
    assert [path.name.endswith((".part", ".lock")) for path in folder.iterdir()] == [True, True]
    assert (batches.clear_discarded(), batches.clear_discarded(), list(folder.iterdir())) == (1, 0, [])


def test_a_later_form_or_name_of_the_school_changes_no_byte(app: Flask, cast: Cast) -> None:
    (number,) = approved(cast, 1)
    batch = exported(cast)
    before = Path(str(batch.path)).read_bytes()
    found = order(number)
    found.form_id = make_form(found, name="改名").id
    cast.school.name, cast.campaign.naming, cast.campaign.name = "新大学", "{student_no}", "新批次"
    db.session.commit()
    path = batches.build(batches.by_number(batch.number).id, lambda done, total: None)
    assert path.read_bytes() == before


def test_a_lost_picture_stops_the_build_and_is_named_until_it_is_recalled(app: Flask, cast: Cast) -> None:
    numbers = approved(cast)
    batch = batches.freeze(cast.campaign.id, "chsi", producer(cast))
    assert batch is not None
    storage().delete(order(numbers[2]).photo.rendition_key or "")
    with pytest.raises(SourceChanged, match=numbers[2]):
        batches.build(batch.id, lambda done, total: None)
    assert (batches.by_number(batch.number).state, batches.by_number(batch.number).fault) == ("building", numbers[2])
    folder = Path(app.config["BATCH_FOLDER"])
    assert [path.name for path in folder.iterdir() if not path.name.endswith(".lock")] == []
    decisions.recall(cast.producer, order(numbers[2]).id, "picture lost")
    batches.build(batch.id, lambda done, total: None)
    assert (batches.by_number(batch.number).state, batches.by_number(batch.number).fault) == ("ready", None)


def test_what_a_new_build_replaces_goes_while_nobody_waits_to_write(
    app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removing a folder of thousands of photos takes its time: no transaction is open meanwhile."""
    approved(cast)
    batch = exported(cast, "diploma")
    path, writing = Path(str(batch.path)), set[bool]()
    (path / "stray").touch()

    def watched(gone: Path) -> None:
        writing.add("unit" in db.session().info)
        remove(gone)

    monkeypatch.setattr(building, "remove", watched)
    batches.build(batch.id, lambda done, total: None)
    assert writing == {False}
    assert {one.name for one in path.parent.iterdir()} == {path.name, f".{path.name}.lock"}
    assert not (path / "stray").exists() and verify(path).problems == ()
