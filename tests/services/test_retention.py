"""Purge: says first what goes, deletes files and persons, keeps counts and money, never touches a live order."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.adapters.clock import beijing, now
from app.adapters.storage import storage
from app.extensions import db
from app.models import (
    Account,
    Audit,
    Batch,
    BatchItem,
    BatchState,
    Campaign,
    Decision,
    Event,
    Form,
    Identity,
    IntakePhoto,
    Order,
    Payment,
    PaymentState,
    Photo,
    PhotoHash,
    Reminder,
    RosterEntry,
)  # fmt: skip
from app.rules.faults import ActionNotAllowed, Fault
from app.rules.states import OrderState
from app.services import batches, submissions
from app.services.schools import progress
from app.services.students import erasure
from app.services.upkeep import retention
from tests.factories import Cast, make_account, make_campaign, make_order, sign_in

DAY = timedelta(days=1)
FINISHED = (OrderState.COMPLETED, OrderState.CANCELLED, OrderState.REFUNDED)


def _old(cast: Cast, days: int = 181) -> Campaign:
    today = beijing(now()).date()
    return make_campaign(cast.school, opens=today - (days + 60) * DAY, closes=today - days * DAY)


def _files(app: Flask) -> set[str]:
    root = Path(storage().root)  # type: ignore[attr-defined]
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def _filled(cast: Cast, tmp_path: Path) -> Campaign:
    """An old campaign with finished orders, a roster, a waiting studio photo, a delivered batch, and a stray file."""
    found = _old(cast)
    orders = [make_order(found, state) for state in FINISHED]
    path = tmp_path / "batch.zip"
    path.write_bytes(b"faces")
    batch = Batch(number="10001-OLD-X001", kind="chsi", school_id=found.school_id, campaign_id=found.id,
                  state=BatchState.HANDED_OVER.value, path=str(path),
                  replaced='["10001-OLD-X000/110"]')  # fmt: skip
    db.session.add(batch)
    db.session.flush()
    done = orders[0]
    db.session.add_all(
        [
            BatchItem(batch_id=batch.id, position=1, order_id=done.id, photo_id=done.photo_id, form_id=done.form_id,
                      kind="chsi", frozen='{"name":"王小明"}', sha256="1"),
            RosterEntry(campaign_id=found.id, student_no="1", name="王小明"),
            IntakePhoto(campaign_id=found.id, key=f"onsite/{found.id}/x", sha256="1", file_name="王.jpg", cause="x"),
            Reminder(campaign_id=found.id, order_id=done.id, kind="reminder"),
            Payment(order_id=done.id, out_trade_no="T1", method="jsapi", amount_fen=1500,
                    state=PaymentState.PAID.value, expires_at=now(), paid_at=now(), transaction_id="W1"),
            PhotoHash(photo_id=done.photo_id, band=0, value=1),
        ]
    )  # fmt: skip
    db.session.commit()
    storage().put(f"onsite/{found.id}/x", b"a face")
    storage().put(f"photos/{done.number}/stray-original", b"a face that no row names")
    return found


def test_a_dry_run_says_it_all_and_touches_nothing(app: Flask, cast: Cast, tmp_path: Path) -> None:
    found = _filled(cast, tmp_path)
    before = _files(app)
    said = app.test_cli_runner().invoke(args=["purge", "--dry-run"])
    assert (
        f"{found.code}: 3 orders with 3 photos and 3 codes, 1 batches, 1 roster entries, 1 studio photos" in said.output
    )
    assert _files(app) == before
    assert db.session.query(Form).filter_by(name="王小明").count() == 3


def test_afterwards_no_file_and_no_person_is_left_but_every_count(app: Flask, cast: Cast, tmp_path: Path) -> None:
    found = _filled(cast, tmp_path)
    young = make_order(cast.campaign, OrderState.COMPLETED)
    counts = progress.altogether(progress.by_class(found)).states
    kept = [db.session.query(table).count() for table in (Order, Event, Payment, Batch, BatchItem, Form, Photo)]
    app.test_cli_runner().invoke(args=["purge"])
    assert all(young.number in name for name in _files(app))
    assert not (tmp_path / "batch.zip").exists()
    forms = db.session.query(Form).join(Order, Order.id == Form.order_id).filter(Order.campaign_id == found.id)
    for form in forms:
        assert (form.name, form.student_no, form.id_no, form.phone, form.email, form.id_hmac) == ("",) * 6
        assert form.class_name == "汉语2301"  # counts by class stay
    batch = db.session.query(Batch).one()
    assert (batch.items[0].frozen, batch.path, batch.number) == ("", None, "10001-OLD-X001")
    assert progress.altogether(progress.by_class(found)).states == counts
    assert kept == [db.session.query(table).count() for table in (Order, Event, Payment, Batch, BatchItem, Form, Photo)]
    assert not any(db.session.query(table).count() for table in (RosterEntry, Reminder, PhotoHash))
    assert db.session.query(IntakePhoto).one().file_name == ""
    assert "Nothing is past" in app.test_cli_runner().invoke(args=["purge"]).output  # a second run finds nothing


@pytest.mark.parametrize("state", [state for state in OrderState if state not in FINISHED])
def test_a_live_order_is_never_touched(app: Flask, cast: Cast, state: OrderState) -> None:
    order = make_order(_old(cast), state)
    order_id, before = order.id, _files(app)
    (due,) = retention.purge()
    assert (due.orders, due.live) == (0, 1)
    assert _files(app) == before
    form = db.session.get_one(Order, order_id).form
    assert form is not None and form.name == "王小明" and form.id_no


def test_a_batch_with_a_live_order_keeps_its_files(app: Flask, cast: Cast, tmp_path: Path) -> None:
    found = _filled(cast, tmp_path)
    live = make_order(found, OrderState.IN_PRODUCTION)
    batch = db.session.query(Batch).one()
    db.session.add(BatchItem(batch_id=batch.id, position=2, order_id=live.id, photo_id=live.photo_id,
                             form_id=live.form_id, kind="chsi", frozen="{}", sha256="2"))  # fmt: skip
    db.session.commit()
    retention.purge()
    assert (tmp_path / "batch.zip").exists()
    assert db.session.query(Batch).one().path


def _delivered(cast: Cast) -> int:
    """A delivered batch of one completed order, its campaign past its days."""
    order = make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    assert order.photo is not None and order.photo.rendition_key is not None
    storage().put(order.photo.rendition_key, b"face")
    order.photo.rendition_sha256 = hashlib.sha256(b"face").hexdigest()
    campaign_id = cast.campaign.id
    cast.campaign.kinds = ["chsi"]
    db.session.commit()
    batch = batches.freeze(campaign_id, "chsi", batches.PRODUCER)
    assert batch is not None
    batch_id = batch.id
    batches.build(batch_id, lambda done, total: None)
    batches.hand_over(batch_id, batches.PRODUCER)
    found = db.session.get_one(Campaign, campaign_id)
    found.closes = beijing(now()).date() - 400 * DAY
    db.session.commit()
    return batch_id


@pytest.mark.parametrize("when", ["before the pictures are read", "after"])
def test_a_rebuild_under_way_brings_nothing_back(app: Flask, cast: Cast, when: str) -> None:
    batch_id, steps = _delivered(cast), list[int]()
    batches.build(batch_id, lambda done, total: steps.append(done))
    at, purged = 1 if when != "after" else steps[-1], list[retention.Due]()

    def purge_once(done: int, total: int) -> None:
        purged.extend(retention.purge() if done == at and not purged else [])

    with pytest.raises(ActionNotAllowed):
        batches.build(batch_id, purge_once)
    assert [one.batches for one in purged] == [1]
    assert db.session.get_one(Batch, batch_id).fault is None
    folder = Path(app.config["BATCH_FOLDER"])
    assert [path.name for path in folder.iterdir() if not path.name.endswith(".lock")] == []


def test_a_rebuild_that_ends_between_files_and_rows_is_deleted_too(
    app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = _delivered(cast)
    clear = batches.clear

    def clear_then_built(batch: Batch) -> None:
        clear(batch)
        if db.session.scalar(select(BatchItem.sha256).where(BatchItem.batch_id == batch_id)):
            batches.build(batch_id, lambda done, total: None)

    monkeypatch.setattr(batches, "clear", clear_then_built)
    retention.purge()
    assert not list(Path(app.config["BATCH_FOLDER"]).glob("*.zip"))
    assert db.session.get_one(Batch, batch_id).path is None


def test_killed_after_the_rows_the_next_run_deletes_the_files(
    app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed_the_second_time(batch: Batch) -> None:
        if not batch.items[0].sha256:
            raise OSError

    _delivered(cast)
    with monkeypatch.context() as killed:
        killed.setattr(batches, "clear", killed_the_second_time)
        with pytest.raises(OSError):
            retention.purge()
    db.session.rollback()
    assert list(Path(app.config["BATCH_FOLDER"]).glob("*.zip"))
    assert [one.batches for one in retention.purge()] == [1]
    assert not list(Path(app.config["BATCH_FOLDER"]).glob("*.zip"))
    assert retention.purge() == []


def test_a_batch_written_elsewhere_is_named_and_left_to_its_owner(app: Flask, cast: Cast, tmp_path: Path) -> None:
    batch_id = _delivered(cast)
    path = batches.build(batch_id, lambda done, total: None, tmp_path / "stick")
    batches.build(batch_id, lambda done, total: None, tmp_path / "stick")
    done = app.test_cli_runner().invoke(args=["purge", "--dry-run"])
    assert f"for you to delete: {path.resolve()}" in done.output
    assert [one.copies for one in retention.purge()] == [(str(path.resolve()),)]
    assert path.exists() and not list(Path(app.config["BATCH_FOLDER"]).glob("*.zip"))


def test_the_last_day_still_belongs_to_the_student(app: Flask, cast: Cast) -> None:
    make_order(_old(cast, days=180), OrderState.COMPLETED)
    assert retention.due() == []


@pytest.mark.parametrize("step", ["_purge_batch", "erase_order", "files", "erase_account"])
def test_killed_anywhere_the_next_run_finishes(
    app: Flask, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Files go before the row that names them is emptied: killed in between, the row is found again."""
    _filled(cast, tmp_path)
    calls: list[Any] = []

    def kill(*words: Any) -> None:
        calls.append(words)
        if len(calls) > 1 or step in ("_purge_batch", "erase_account"):
            raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        target, name = (retention, step) if step != "files" else (erasure, "update")
        killed.setattr(target, name, kill)
        with pytest.raises((KeyboardInterrupt, AttributeError)):
            retention.purge()
    db.session.rollback()
    retention.purge()
    assert _files(app) == set()
    assert retention.due() == []
    assert db.session.query(Form).filter(Form.name != "").count() == 0
    assert all(account.erased_at for account in _owners())


def _owners() -> list[Account]:
    return db.session.query(Account).join(Order, Order.account_id == Account.id).all()


def _known(account: Account) -> Account:
    """With everything that WeChat and its owner told about them."""
    account.nickname, account.avatar_key = "小明", f"avatars/{account.id}.png"
    storage().put(account.avatar_key, b"a face")
    db.session.add(Identity(account_id=account.id, provider="wechat", appid="wx1", openid=f"o-{account.id}"))
    db.session.commit()
    return account


def test_what_people_wrote_about_somebody_goes_too(app: Flask, cast: Cast) -> None:
    order = make_order(_old(cast), OrderState.COMPLETED)
    decision = db.session.get_one(Decision, order.decision_id)
    decision.note = "王小明的照片戴了眼镜"
    db.session.add(Event(order_id=order.id, action="recall", from_state="completed", to_state="pending_review",
                         actor_role="admin", cause="王小明来电"))  # fmt: skip
    db.session.commit()
    order_id = order.id
    retention.purge()
    assert [event.cause for event in db.session.query(Event).filter_by(order_id=order_id)] == [""]
    assert [one.note for one in db.session.query(Decision).filter_by(order_id=order_id)] == [""]
    assert retention.due() == []


def test_an_account_that_nothing_is_left_of_loses_its_person(app: Flask, cast: Cast) -> None:
    """The student of an old campaign goes; whoever has something young or live, or has only begun, stays."""
    gone, young, live, begun = (_known(make_account()) for _ in range(4))
    old = _old(cast)
    for account in (gone, young, live):
        make_order(old, OrderState.COMPLETED, account=account)
    make_order(cast.campaign, OrderState.COMPLETED, account=young)
    make_order(cast.campaign, OrderState.DRAFT, account=live)
    ids = [account.id for account in (gone, young, live, begun)]
    client = sign_in(app.test_client(), gone)
    assert client.get("/me").status_code == 200
    assert (
        "1 accounts that nothing is left of would go"
        in app.test_cli_runner().invoke(args=["purge", "--dry-run"]).output
    )
    assert "1 accounts that nothing is left of deleted" in app.test_cli_runner().invoke(args=["purge"]).output
    assert [bool(db.session.get_one(Account, one).nickname) for one in ids] == [False, True, True, True]
    assert sorted(db.session.scalars(select(Identity.account_id))) == ids[1:]
    assert {name for name in _files(app) if name.startswith("avatars/")} == {f"avatars/{one}.png" for one in ids[1:]}
    audited = db.session.query(Audit).filter_by(action="account.erased").one()
    assert audited.subject == f"account-{ids[0]}"
    assert "sign-in" in client.get("/me").location  # their session is over
    with pytest.raises(Fault):
        submissions.start(ids[0], cast.campaign.id)
    assert "Nothing is past" in app.test_cli_runner().invoke(args=["purge"]).output


def test_an_avatar_whose_account_is_gone_goes_with_the_next_purge(
    app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the commit and the file: the account still says which file it is."""
    account = _known(make_account())
    make_order(_old(cast), OrderState.COMPLETED, account=account)
    account_id, name = account.id, account.avatar_key

    def killed(key: str) -> None:
        assert db.session.get_one(Account, account_id).erased_at is not None and "unit" not in db.session().info
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(storage(), "delete", killed)
        retention.purge()
    assert name in _files(app)
    retention.purge()
    assert name not in _files(app)
    assert db.session.get_one(Account, account_id).avatar_key is None


def test_an_order_begun_meanwhile_keeps_its_account(app: Flask, cast: Cast) -> None:
    account_id = make_order(_old(cast), OrderState.CANCELLED).account_id
    assert account_id is not None
    retention.purge(dry_run=True)
    make_order(cast.campaign, OrderState.DRAFT, account=db.session.get_one(Account, account_id))
    assert not erasure.erase_account(account_id)
    assert db.session.get_one(Account, account_id).erased_at is None


def test_the_health_page_asks_for_a_purge_until_it_has_run(app: Flask, cast: Cast, tmp_path: Path) -> None:
    assert retention.overdue() == 0
    _filled(cast, tmp_path)
    admin = sign_in(app.test_client(), cast.admin)
    assert retention.overdue() == 1 and "请运行 flask purge" in admin.get("/ops/").text
    retention.purge()
    assert retention.overdue() == 0 and "请运行 flask purge" not in admin.get("/ops/").text
