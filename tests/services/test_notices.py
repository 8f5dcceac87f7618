"""Notices: one consent at WeChat is one message; without it e-mail; without either the school's list."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from app.adapters import mail
from app.adapters.clock import now
from app.extensions import db
from app.models import Identity, NoticeConsent, Order, Outbox
from app.rules.states import OrderState
from app.services import notice_channels, notices
from app.services.review import decisions, reasons
from app.services.review.decisions import Judgement, Seen
from app.services.review.rejections import Told
from app.services.unit import unit_of_work
from tests.conftest import Shop
from tests.factories import Cast, make_campaign, make_order, make_school


@pytest.fixture
def order(shop: Shop) -> Order:
    """A rejected order of somebody who signed in inside WeChat."""
    made = make_order(make_campaign(make_school()), OrderState.REJECTED)
    openid = f"o-{shop.app.config['WECHAT_APPID'][-4:]}-0"
    db.session.add(
        Identity(account_id=made.account_id, provider="wechat", appid=shop.app.config["WECHAT_APPID"], openid=openid)
    )
    db.session.commit()
    return made


def _tell(order: Order, kind: str = "rejected") -> Outbox:
    with unit_of_work() as unit:
        notices.order_moved(unit, order, kind)
    row = db.session.query(Outbox).order_by(Outbox.id.desc()).first()
    assert row is not None
    notices.send(row.id)
    db.session.expire_all()
    return db.session.get_one(Outbox, row.id)


def test_one_consent_is_one_message(shop: Shop, order: Order) -> None:
    scene = notice_channels.next_scene(order)
    shop.state.scenes.append(str(scene))  # the student tapped 允许 at WeChat
    assert notice_channels.consented(order.id, scene)
    assert not notice_channels.consented(order.id, scene)  # the same answer again counts once
    assert _tell(order, "rejected").channel == "wechat"
    assert _tell(order, "delivered").channel is None
    assert len(shop.state.messages) == 1
    message = shop.state.messages[0]
    assert message["title"] == "照片被驳回，请查看原因并修改"[:15]
    assert order.number in message["url"]
    assert order.number in message["data"]["content"]["value"]


def test_every_consent_is_asked_under_a_scene_of_its_own(shop: Shop, order: Order) -> None:
    first = notice_channels.next_scene(order)
    notice_channels.consented(order.id, first)
    assert notice_channels.next_scene(order) != first


def test_a_message_that_wechat_does_not_take_goes_by_mail(
    shop: Shop, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WeChat knows of no consent (43101): the consent is spent, the mail goes out in the student's language."""
    sent: list[tuple[str, str, str]] = []
    shop.app.config["SMTP_URL"] = "smtp://localhost:1"
    monkeypatch.setattr(mail, "send", lambda *words: sent.append(words))
    notice_channels.consented(order.id, 7)
    assert order.account is not None
    order.account.locale = "en"
    db.session.commit()
    assert _tell(order).channel == "email"
    assert sent[0][0] == order.form.email  # type: ignore[union-attr]
    assert f"Order {order.number}" in sent[0][2]
    assert db.session.query(NoticeConsent).one().used_at is not None


def test_a_busy_wechat_keeps_the_consent_and_is_tried_again(
    shop: Shop, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice_channels.consented(order.id, 7)
    shop.app.config["WECHAT_API_URL"] = "http://127.0.0.1:1"
    row = _tell(order)
    assert (row.sent_at, row.attempts, row.failure) == (None, 1, "wechat busy")
    assert db.session.query(NoticeConsent).one().used_at is None


def test_a_row_is_sent_once_however_often_it_is_asked_for(shop: Shop, order: Order) -> None:
    shop.state.scenes.append("1")
    notice_channels.consented(order.id, 1)
    row = _tell(order)
    assert notices.send(row.id) == "not due"
    assert len(shop.state.messages) == 1


def test_a_sender_that_lost_the_race_sends_nothing(shop: Shop, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading the row and claiming it another sender took it."""
    with unit_of_work() as unit:
        notices.order_moved(unit, order, "rejected")
    row = db.session.query(Outbox).one()
    claim: Any = notices._claim
    row_id = row.id

    def late(found: Outbox) -> bool:
        seen = SimpleNamespace(id=found.id, attempts=found.attempts)
        assert claim(seen)
        return bool(claim(seen))

    monkeypatch.setattr(notices, "_claim", late)
    assert notices.send(row_id) == "taken"


@pytest.mark.parametrize("kind", ["approved", "rejected"])
def test_a_decision_that_was_recalled_before_it_was_visible_is_not_told(cast: Cast, kind: str) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    reasons.seed_reasons()
    seen, told = Seen(order.id, order.version, order.photo_id or 0), Told(["background"] if kind == "rejected" else [])
    decisions.decide(cast.reviewer, seen, Judgement(kind, told))
    decisions.recall(cast.lead, seen.order_id, "看错了人")
    row_id = db.session.query(Outbox).filter_by(kind=kind).one().id
    with time_machine.travel(now() + timedelta(seconds=60)):
        assert notices.send(row_id) == "gone"
    assert db.session.query(Outbox).filter_by(kind=kind).count() == 0
    assert db.session.query(Outbox).filter_by(kind="recalled").count() == 0  # nobody knew of it


def test_a_decision_that_was_seen_is_recalled_in_its_own_words(cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    seen = Seen(order.id, order.version, order.photo_id or 0)
    decisions.decide(cast.reviewer, seen, Judgement("approved"))
    with time_machine.travel(now() + timedelta(seconds=60)):
        decisions.recall(cast.lead, seen.order_id, "看错了人")
        assert db.session.query(Outbox).filter_by(kind="recalled").count() == 1
    assert db.session.query(Outbox).filter_by(kind="resubmitted").count() == 0
