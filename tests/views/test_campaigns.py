"""Campaigns in the console: made, changed, copied, shown on a poster, ended and taken back."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import Audit, Campaign
from app.rules.photo_rule import load_rule
from app.rules.states import OrderState
from app.services.schools import campaigns
from tests.factories import Cast, make_campaign, make_order, make_school, sign_in
from workers.codes.reader import read

FIELDS = {
    "school": "10001", "code": "ｂｙ2027", "name": "2027届", "help_phone": "010-1234567", "naming": "{student_no}",
    "opens": "2027-03-01", "closes": "2027-05-01", "price": "15.5", "payer": "student", "background": "blue",
    "background_policy": "keep", "source": "any", "paper": "A4", "print_width_mm": "33", "print_height_mm": "48",
    "review_days": "3", "grace_days": "14", "last_notice_days": "3", "remind_days": "0", "retention_days": "180",
    "tries": "", "kinds": ["chsi"],
}  # fmt: skip


@pytest.fixture
def admin(app: Flask, cast: Cast) -> FlaskClient:
    return sign_in(app.test_client(), cast.admin)


def _fields(cast: Cast, **changes: object) -> dict[str, object]:
    return FIELDS | {"rule": str(cast.campaign.rule_id)} | changes


def _found(code: str) -> Campaign:
    db.session.rollback()
    db.session.expire_all()
    return db.session.query(Campaign).filter_by(code=code).one()


def test_a_campaign_is_made_as_it_was_typed(admin: FlaskClient, cast: Cast) -> None:
    answer = admin.post("/schools/campaigns/new", data=_fields(cast))
    assert answer.location == "/schools/campaigns/BY2027"  # capitals of half width, whatever was typed
    found = _found("BY2027")
    assert (found.school_id, found.price_fen, found.kinds, found.tries) == (cast.school.id, 1550, ["chsi"], None)
    assert (found.opens, found.closes) == (date(2027, 3, 1), date(2027, 5, 1))
    assert db.session.query(Audit).filter_by(action="campaign.saved", subject=f"campaign-{found.id}").count() == 1
    edited = admin.get("/schools/campaigns/BY2027/edit").text
    assert 'value="15.50"' in edited and 'value="2027-03-01"' in edited


def test_every_fault_stands_beside_its_field_and_nothing_typed_is_lost(admin: FlaskClient, cast: Cast) -> None:
    wrong = {"code": cast.campaign.code.lower(), "closes": "2027-02-01", "price": "0.001", "naming": "{oops}",
             "remind_days": "1", "help_phone": "a phone"}  # fmt: skip
    answer = admin.post("/schools/campaigns/new", data=_fields(cast, **wrong, kinds=[]))
    assert answer.status_code == 422
    for name, typed in wrong.items():
        assert f'id="{name}-fault"' in answer.text and f'value="{typed}"' in answer.text, name
    for sentence in ("这个特征码已被使用", "结束日期不能早于开始日期", "请至少选择一种批次", "自动提醒至少间隔 3 天"):
        assert sentence in answer.text
    assert db.session.query(Campaign).count() == 1


def test_school_and_code_stay_whatever_a_form_says(admin: FlaskClient, cast: Cast) -> None:
    """They stand on posters and in the names of batches."""
    other, code = make_school("10002", name="另一大学"), cast.campaign.code
    changed = _fields(cast, school=other.code, code="OTHER1", name="改名", price="1")
    assert admin.post(f"/schools/campaigns/{code}/edit", data=changed).location == f"/schools/campaigns/{code}"
    found = _found(code)
    assert (found.school_id, found.name, found.price_fen) == (cast.school.id, "改名", 100)
    assert db.session.query(Campaign).count() == 1


def test_last_years_campaign_is_the_start_of_this_years(admin: FlaskClient, cast: Cast) -> None:
    made = [make_campaign(cast.school, code=code, opens=date(2028, 2, 29), closes=date(2028, 6, 1), name="2028届")
            for code in ("BY2028", "BY2029")]  # fmt: skip
    page = admin.get(f"/schools/campaigns/new?copy={made[0].code}").text
    for value in ("BY2029-2", "2029届", "2029-02-28", "2029-06-01"):  # BY2029 is taken
        assert f'value="{value}"' in page
    assert admin.get("/schools/campaigns/new?copy=NONE").status_code == 404


def test_the_preview_names_three_people_or_says_what_is_wrong(admin: FlaskClient) -> None:
    shown = admin.get("/schools/campaigns/names", query_string={"naming": "{name}_{student_no}"}).text
    assert all(f"{one['name']}_{one['student_no']}.jpg" in shown for one in campaigns.SAMPLES)
    assert ".jpg" not in admin.get("/schools/campaigns/names", query_string={"naming": "{oops}"}).text


def test_a_naming_template_that_is_too_long_or_missing_says_so(admin: FlaskClient, cast: Cast) -> None:
    for naming, sentence in (("x" * 61 + "{id_no}", "内容太长"), (" ", "请填写")):
        answer = admin.post("/schools/campaigns/new", data=_fields(cast, naming=naming))
        assert answer.status_code == 422 and f'id="naming-fault">{sentence}' in answer.text


def test_the_poster_leads_to_the_campaign(app: Flask, admin: FlaskClient, cast: Cast, tmp_path: Path) -> None:
    picture, link = tmp_path / "qr.png", f"{app.config['PUBLIC_URL']}/c/{cast.campaign.code}"
    picture.write_bytes(admin.get(f"/schools/campaigns/{cast.campaign.code}/qr.png").data)
    assert read(picture, load_rule("chsi-2017")).payload == link.encode()
    assert link in admin.get(f"/schools/campaigns/{cast.campaign.code}/poster").text
    assert app.test_client().get(f"/c/{cast.campaign.code}").status_code == 303  # it is there, also for a stranger


def test_an_end_is_said_beforehand_asked_for_and_taken_back(admin: FlaskClient, cast: Cast) -> None:
    make_order(cast.campaign, OrderState.PENDING_PAYMENT)
    code, address = cast.campaign.code, f"/schools/campaigns/{cast.campaign.code}/end"
    assert "待支付" in admin.get(address).text
    refused = admin.post(address, data={"typed": "yes"})
    assert refused.status_code == 422 and 'id="typed-fault">请输入特征码以确认结束' in refused.text
    assert _found(code).closed_at is None
    assert admin.post(address, data={"typed": f" {code.lower()} "}).status_code == 303
    assert _found(code).closed_at is not None
    assert admin.post(f"/schools/campaigns/{code}/reopen").status_code == 303
    assert _found(code).closed_at is None


def test_a_campaign_whose_days_are_over_stays_ended(admin: FlaskClient, cast: Cast) -> None:
    cast.campaign.closes, cast.campaign.closed_at = beijing(now()).date() - timedelta(days=1), now()
    db.session.commit()
    assert admin.post(f"/schools/campaigns/{cast.campaign.code}/reopen").status_code == 409
    assert _found(cast.campaign.code).closed_at is not None
