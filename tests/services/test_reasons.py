"""Reasons as rows: edited with their history kept, never taken from decisions that gave them."""

from __future__ import annotations

from contextvars import Context

import pytest
from flask import Flask

from app.extensions import db
from app.models import DecisionReason, PhotoCheck, Reason
from app.rules.faults import Invalid
from app.rules.states import OrderState
from app.services.review import decisions, reasons
from app.services.review.decisions import Judgement, Seen
from app.services.review.rejections import Told
from tests.factories import Cast, make_order, sign_in
from tests.rules.test_reasons import GOOD

ON = {"active": "1"}


@pytest.fixture(autouse=True)
def _seeded(app: Flask) -> None:
    reasons.seed_reasons()


def _row(code: str) -> Reason:
    return db.session.query(Reason).filter_by(code=code).one()


def _values(row: Reason) -> dict[str, str]:
    names = ("code", "label", "label_en", "text_zh", "text_en", "target", "check_code", "hotkey", "position")
    return {name: str(getattr(row, name) or "") for name in names} | ({"active": "1"} if row.active else {})


def _reject(cast: Cast, reason: str, **check: object) -> DecisionReason:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    if check:
        db.session.add(PhotoCheck(photo_id=order.photo_id, verdict="fail", unit="px", **check))
        db.session.commit()
    made = decisions.decide(
        cast.reviewer, Seen(order.id, order.version, order.photo_id), Judgement("rejected", Told((reason,)))
    )
    return made.reasons[0]


def test_a_new_reason_is_on_offer_and_an_old_code_is_not_overwritten(cast: Cast) -> None:
    made = reasons.save(GOOD | ON, cast.lead)
    assert made.code in {row.code for row in reasons.active()}
    with pytest.raises(Invalid) as refused:
        reasons.save(GOOD | ON, cast.lead)
    assert list(refused.value.fields) == ["code"]


def test_the_code_of_a_reason_never_changes(cast: Cast) -> None:
    row = _row("light")
    reasons.save(_values(row) | {"code": "other", "label": "光"}, cast.lead, row.id)
    assert _row("light").label == "光"


def test_what_it_said_is_kept_and_past_decisions_keep_their_copy(cast: Cast) -> None:
    told = _reject(cast, "light")
    row, before = _row("light"), _row("light").text_zh
    reasons.save(_values(row) | {"text_zh": "脸部太暗，请面向窗户重拍一张。"}, cast.lead, row.id)
    row = _row("light")
    reasons.save(_values(row) | {"hotkey": ""}, cast.lead, row.id)  # nothing that a student reads
    kept = reasons.versions(row.id)
    assert [(version.no, version.text_zh, name) for version, name in kept] == [
        (2, "脸部太暗，请面向窗户重拍一张。", cast.lead.name),
        (1, before, ""),
    ]
    assert db.session.get_one(DecisionReason, told.id).text_zh == before
    assert _reject(cast, "light").text_zh == "脸部太暗，请面向窗户重拍一张。"


def test_a_key_belongs_to_one_reason_on_offer(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        reasons.save(GOOD | ON | {"hotkey": "1"}, cast.lead)
    assert list(refused.value.fields) == ["hotkey"]
    reasons.save(GOOD | {"hotkey": "1"}, cast.lead)  # switched off: it takes nobody's key


def test_a_used_reason_is_never_deleted(cast: Cast) -> None:
    _reject(cast, "light")
    with pytest.raises(Invalid):
        reasons.remove(_row("light").id, cast.lead)
    fresh = reasons.save(GOOD | ON, cast.lead).id
    reasons.remove(fresh, cast.lead)
    assert db.session.get(Reason, fresh) is None


def test_one_reason_always_stays_on_offer(cast: Cast) -> None:
    rows = [row.id for row in reasons.active()]
    for row_id in rows[1:]:
        reasons.save(_values(db.session.get_one(Reason, row_id)) | {"active": ""}, cast.lead, row_id)
    with pytest.raises(Invalid):
        reasons.save(_values(db.session.get_one(Reason, rows[0])) | {"active": ""}, cast.lead, rows[0])
    with pytest.raises(Invalid):
        reasons.remove(rows[0], cast.lead)


def test_value_and_limit_come_from_the_check(cast: Cast) -> None:
    text = {"text_zh": "头顶距上边 {value} 像素，限值 {limit}，请重拍。", "check_code": "hair_top"}
    reasons.save(GOOD | ON | text, cast.lead)
    low = _reject(cast, "hair", code="hair_top", value=31.0, low=50.0, high=110.0)
    assert low.text_zh == "头顶距上边 31 像素，限值 50，请重拍。"
    high = _reject(cast, "hair", code="hair_top", value=140.0, low=50.0, high=110.0)
    assert high.text_zh == "头顶距上边 140 像素，限值 110，请重拍。"
    with pytest.raises(Invalid):  # nothing measured: it is not sent with a hole in it
        _reject(cast, "hair")


def test_the_editor_previews_keeps_what_was_typed_and_says_what_is_wrong(app: Flask, cast: Cast) -> None:
    client = sign_in(app.test_client(), cast.lead)
    typed = GOOD | {"text_zh": "头顶只有 {value} 像素，请后退 <b>重拍</b>。"}
    preview = client.post("/review/reasons/preview", data=typed).text
    assert "头顶只有 42 像素" in preview
    assert "&lt;b&gt;" in preview
    answer = client.post("/review/reasons", data=typed | {"code": "Bad Code"})
    assert answer.status_code == 422
    assert "头顶只有 {value} 像素" in answer.text
    assert client.post("/review/reasons", data=typed | ON).status_code == 303
    page = client.get(f"/review/reasons/{_row('hair').id}").text
    assert "历史版本" in page
    assert client.post(f"/review/reasons/{_row('hair').id}/delete").status_code == 303
    assert client.get("/review/reasons/999999").status_code == 404


def test_staff_read_a_reasons_name_in_their_language(app: Flask, cast: Cast) -> None:
    reasons.save(GOOD | ON, cast.lead)
    db.session.query(Reason).filter_by(code="pose").update({"label_en": ""})
    db.session.commit()
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    client, address = sign_in(app.test_client(), cast.lead), f"/review/orders/{order.number}/desk"
    assert "<span>头发</span>" in client.get(address).text

    def english(path: str) -> str:  # in a context of its own, as on the server: each keeps the language of its request
        return str(Context().run(client.get, path, headers={"Accept-Language": "en"}).text)

    page = english(address)
    assert "<span>Hair</span>" in page
    assert "<span>姿势</span>" in page  # nobody has given it an English name
    assert "Hair" in english("/review/reasons") and "Hair" in english("/review/")
