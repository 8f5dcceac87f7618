"""What somebody sends on purpose: addresses that lead away, values no column holds, other schools' things."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.adapters.clock import now
from app.export.table import harmless
from app.extensions import db
from app.models import Batch, BatchItem, BatchLink, IntakePhoto, Order, Payment, Refund, RosterImport, Rule
from app.rules.faults import Invalid, NotFound
from app.rules.states import OrderState, Role
from app.services import batches
from app.services.review import reasons
from app.services.schools import onsite
from app.views.sign_in import LONGEST_TARGET, inside
from app.views.tables import csv_line
from tests.factories import Cast, make_campaign, make_order, make_school, make_staff, sign_in

AWAY = ("//evil.example", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "/\\evil.example",
        "/\t\\evil.example", "\t//evil.example", "https://evil.example", "javascript:alert(1)", "")  # fmt: skip
HUGE = 10**25


@pytest.mark.parametrize("target", AWAY)
def test_no_address_leads_away_from_us(app: Flask, target: str) -> None:
    assert inside(target) == ""
    assert app.test_client().post("/locale", data={"locale": "zh", "next": target}).location == "/"


def test_our_own_addresses_are_kept() -> None:
    assert inside("/orders/AB12/photo?tick=1") == "/orders/AB12/photo?tick=1"


def test_a_strangers_long_address_makes_no_huge_code_or_cookie(app: Flask) -> None:
    answer = app.test_client().get(f"/sign-in?next=/{'a' * 4000}")
    assert answer.status_code == 200
    assert "a" * (LONGEST_TARGET + 1) not in answer.text
    assert all(len(cookie) < 1000 for cookie in answer.headers.getlist("Set-Cookie"))


def test_a_path_cannot_smuggle_in_another_target(app: Flask) -> None:
    answer = app.test_client().get("/orders/x%26next=%2F%2Fevil.example%23")
    assert answer.status_code in (303, 404)
    assert "&next=" not in answer.headers.get("Location", "")


@pytest.mark.parametrize(
    "address",
    [f"/schools/?page={HUGE}", f"/onsite/?page={HUGE}", f"/finance/?before={HUGE}", f"/finance/?school={HUGE}",
     f"/onsite/photos/{HUGE}", f"/review/reasons/{HUGE}", f"/production/sheet/{HUGE}.pdf"],
)  # fmt: skip
def test_a_number_that_no_column_holds_is_the_senders_fault(app: Flask, cast: Cast, address: str) -> None:
    assert 400 <= sign_in(app.test_client(), cast.admin).get(address).status_code < 500


def test_a_number_too_long_to_read_is_the_senders_fault(app: Flask, cast: Cast) -> None:
    """Python reads no more than 4300 digits."""
    admin, long = sign_in(app.test_client(), cast.admin), "9" * 5000
    rule = db.session.get_one(Rule, cast.campaign.rule_id)
    row = RosterImport(campaign_id=cast.campaign.id, staff_id=cast.admin.id, key="rosters/1/x", state="waiting",
                       sample=[["学号", "姓名"]])  # fmt: skip
    db.session.add(row)
    db.session.commit()
    posts = {
        f"/schools/campaigns/{cast.campaign.code}/edit": {"rule": long, "price": long, "tries": long},
        f"/schools/campaigns/{cast.campaign.code}/roster/{row.id}": {"column_student_no": long},
        f"/rules/{rule.code}/{rule.version}/new": {"backgrounds.blue": f"{long},1,1"},
        "/review/reasons": {"position": long, "code": "x"},
    }
    for address, data in posts.items():
        assert admin.post(address, data=data).status_code == 422, address


def test_what_no_browser_sends_is_the_senders_fault(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, account=cast.student)
    student, producer = sign_in(app.test_client(), cast.student), sign_in(app.test_client(), cast.producer)
    answer = student.post(f"/orders/{order.number}/appeal", headers={"Referer": "http://[no"})
    assert answer.status_code == 409
    address = f"/onsite/{cast.campaign.code}/known"
    assert producer.post(address, data="[" * 100_000, content_type="application/json").status_code == 400
    admin = sign_in(app.test_client(), cast.admin)
    assert admin.post("/ops/rq/queue/check/compact", headers={"Origin": "http://[no"}).status_code == 405


@pytest.mark.parametrize("position", ["²", "9" * 5000, "-1", "1e3"])
def test_a_small_code_with_a_strange_number(app: Flask, cast: Cast, position: str) -> None:
    with pytest.raises(NotFound):
        batches.find_item(f"B/{position}", cast.producer)


def test_a_studios_map_that_is_no_table_is_refused_with_a_sentence() -> None:
    with pytest.raises(Invalid):
        onsite.read_map(b"a" * 200_000 + b",1")
    assert onsite.read_map(b"a.jpg,1\rb.jpg,2") == {"a.jpg": "1", "b.jpg": "2"}  # line ends of old Macs


@pytest.mark.parametrize("cell", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_table_carries_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert csv_line(["x", cell]).startswith(("x,'", "x,\"'"))


def test_an_amount_stays_a_number() -> None:
    assert csv_line(["-15.00", "15.00"]) == "-15.00,15.00\r\n"


def _foreign_batch(cast: Cast) -> Batch:
    campaign = make_campaign(make_school("10002", name="另一大学"))
    batch = Batch(number="B-FOREIGN", kind="chsi", school_id=campaign.school_id, campaign_id=campaign.id,
                  state="building", frozen_at=now())  # fmt: skip
    db.session.add(batch)
    db.session.flush()
    db.session.add(BatchLink(batch_id=batch.id, token_sha256="0" * 64, code_sha256="0" * 64, receiver="x",
                             staff_id=cast.producer.id, expires_at=now()))  # fmt: skip
    db.session.commit()
    return batch


def test_a_producer_bound_to_a_school_reaches_no_other_schools_batches(app: Flask, cast: Cast) -> None:
    batch = _foreign_batch(cast)
    campaign_id, link = batch.campaign_id, db.session.query(BatchLink).one().id
    bound = sign_in(app.test_client(), make_staff(Role.PRODUCER, cast.school))
    here = f"/production/batches/{batch.number}"
    gets = [here, f"{here}/state", f"{here}/download", f"{here}/delivery-note.pdf",
            f"/production/dry-run/{campaign_id}/chsi", f"/production/sheet/{campaign_id}.pdf"]  # fmt: skip
    posts = [f"{here}/{what}" for what in ("build", "hand-over", "discard", "links", f"links/{link}/revoke")]
    data = {"days": "1", "receiver": "x", "cause": "because"}
    for address in gets:
        assert bound.get(address).status_code == 404, address
    for address in [*posts, f"/production/export/{campaign_id}/chsi"]:
        assert bound.post(address, data=data).status_code == 404, address
    assert batch.number not in bound.get("/production/").text
    order = make_order(batch.campaign, OrderState.IN_PRODUCTION)
    db.session.add(BatchItem(batch_id=batch.id, position=1, order_id=order.id, photo_id=order.photo_id,
                             form_id=order.form_id, kind="chsi", frozen="", sha256=""))  # fmt: skip
    db.session.commit()
    assert bound.get(f"/production/find?code={batch.number}/1").location == "/production/"
    assert db.session.query(BatchLink).one().revoked_at is None
    free = sign_in(app.test_client(), cast.producer)
    assert batch.number in free.get("/production/").text
    assert free.get(here).status_code == 200


def test_a_producer_bound_to_a_school_reaches_no_other_schools_studio_photos(app: Flask, cast: Cast) -> None:
    campaign = make_campaign(make_school("10002", name="另一大学"))
    photo = IntakePhoto(campaign_id=campaign.id, key="onsite/x", sha256="0" * 64, file_name="a.jpg", student_no="",
                        cause=onsite.UNKNOWN)  # fmt: skip
    db.session.add(photo)
    db.session.commit()
    bound = sign_in(app.test_client(), make_staff(Role.PRODUCER, cast.school))
    for address in (f"/onsite/{campaign.code}", f"/onsite/photos/{photo.id}"):
        assert bound.get(address).status_code == 404, address
    shared: dict[str, Any] = {"data": {"student_no": "1"}}
    for address in (f"photos/{photo.id}/assign", f"photos/{photo.id}/drop",
                    f"{campaign.code}/photos", f"{campaign.code}/match", f"{campaign.code}/submit"):  # fmt: skip
        assert bound.post(f"/onsite/{address}", **shared).status_code == 404, address
    assert bound.post(f"/onsite/{campaign.code}/known", json=[]).status_code == 404


def test_finance_bound_to_a_school_drives_no_other_schools_refund(app: Flask, cast: Cast) -> None:
    order = make_order(make_campaign(make_school("10002", name="另一大学")), OrderState.REFUNDED)
    payment = Payment(order_id=order.id, out_trade_no="P1", method="native", amount_fen=1500, state="paid",
                      expires_at=now())  # fmt: skip
    db.session.add(payment)
    db.session.flush()
    refund = Refund(payment_id=payment.id, out_refund_no="R1", amount_fen=1500, cause="x", state="failed")
    db.session.add(refund)
    db.session.commit()
    bound = sign_in(app.test_client(), make_staff(Role.FINANCE, cast.school))
    assert bound.post(f"/finance/refunds/{refund.id}/retry").status_code == 404
    db.session.expire_all()
    assert db.session.get_one(Refund, refund.id).state == "failed"


def test_a_lead_bound_to_a_school_changes_no_reason_of_all_schools(app: Flask, cast: Cast) -> None:
    reasons.seed_reasons()
    bound, row = sign_in(app.test_client(), make_staff(Role.LEAD, cast.school)), reasons.active()[0]
    values = {name: str(getattr(row, name)) for name in ("label", "label_en", "text_zh", "text_en", "target")}
    for address in ("/review/reasons", f"/review/reasons/{row.id}", f"/review/reasons/{row.id}/delete"):
        answer = bound.post(address, data=values | {"code": "mine", "label": "我校", "active": "1"})
        assert answer.status_code == 403, address
        assert "由所有学校共用" in answer.text
    page = bound.get("/review/reasons").text
    assert "我校" not in page and "新增原因" not in page
    assert "保存" not in bound.get(f"/review/reasons/{row.id}").text


def test_an_admin_bound_to_a_school_still_sees_all_staff(app: Flask, cast: Cast) -> None:
    other = make_staff(Role.SCHOOL, make_school("10002", name="另一大学"))
    bound = sign_in(app.test_client(), make_staff(Role.ADMIN, cast.school))
    assert "另一大学" in bound.get("/admin/").text
    page = bound.get(f"/admin/staff/{other.id}").text
    assert re.search(r'value="10002"\s+checked', page)  # saved again, it would otherwise be lost


def test_no_order_begins_at_a_school_that_was_switched_off(app: Flask, cast: Cast) -> None:
    """The campaign's page is not found any more, but its number can still be posted."""
    cast.school.active = False
    db.session.commit()
    client = sign_in(app.test_client(), cast.student)
    assert client.post("/start", data={"campaign": cast.campaign.id}).status_code == 409
    assert db.session.query(Order).count() == 0


def test_a_liaison_whose_school_is_gone_sees_nothing(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    client = sign_in(app.test_client(), make_staff(Role.SCHOOL))
    assert cast.campaign.code not in client.get("/schools/").text
    assert client.get(f"/schools/campaigns/{cast.campaign.code}").status_code == 404
    assert client.get(f"/review/orders/{order.number}").status_code == 404


def test_a_made_up_host_is_refused(app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = ["photo.example.edu.cn"]
    assert app.test_client().get("/", base_url="https://photo.example.edu.cn").status_code == 200
    answer = app.test_client().get("/", base_url="https://evil.example")
    assert answer.status_code == 400 and "请求无法识别" in answer.text


def test_nobody_else_on_the_machine_reads_the_data(make_app: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # as git makes it
    make_app(PROXIES=0)  # a new one, not one that is kept between tests
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_form_without_files_is_small(make_app: Any) -> None:
    client = make_app(WTF_CSRF_ENABLED=True).test_client()  # whose check is the first to read it
    assert client.post("/staff/sign-in", data={"name": "x" * 2**21}).status_code == 413
    assert client.post("/staff/sign-in", data={"name": "x" * 2**19}).status_code == 400  # no token


def test_no_browser_keeps_what_it_downloads(app: Flask, cast: Cast) -> None:
    answer = sign_in(app.test_client(), cast.student).get("/me/data.zip")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
