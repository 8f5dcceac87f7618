"""Students' pages by what they promise: weight, consents first, polling that ends, the draft, the avatar's fence."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import db
from app.models import CodeImage, Consent, Order, Photo, PhotoView
from app.rules.fields import FIELDS
from app.rules.labels import CODE_FAULTS, CODE_WAYS
from app.rules.samples import GROUPS
from app.rules.states import EDITABLE, OrderState
from app.services import submissions
from app.services.students import consents
from app.services.students.consents import ConsentNeeded
from tests.factories import JPEG, Cast, make_account, make_campaign, make_decision, make_form, make_order, sign_in
from workers.checks import CODES

STATIC = Path(__file__).resolve().parent.parent.parent / "app" / "static"
HEAVIEST = 150_000  # bytes, compressed, without photos
PAGES = (
    "/", "/requirements", "/privacy", "/orders", "/me", "/me/profile", "/me/data", "/me/views", "/me/consents",
    "/orders/@", "/orders/@/code", "/orders/@/form", "/orders/@/photo", "/orders/@/camera", "/orders/@/confirm",
)  # fmt: skip


@pytest.fixture
def order(cast: Cast) -> Order:
    return make_order(cast.campaign, OrderState.DRAFT, account=cast.student)


@pytest.fixture
def student(client: FlaskClient, cast: Cast) -> FlaskClient:
    return sign_in(client, cast.student)


def test_a_static_file_is_kept_by_its_content(student: FlaskClient) -> None:
    address = re.search(r'href="(/static/css/student.css\?v=[0-9a-f]{8})"', student.get("/").text)
    assert address is not None
    assert "immutable" in student.get(address[1]).headers["Cache-Control"]
    assert "immutable" not in student.get("/static/css/student.css").headers["Cache-Control"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_light(student: FlaskClient, order: Order, page: str) -> None:
    html = student.get(page.replace("@", order.number)).text
    linked = re.findall(r'(?:href|src)="/static/([^"?]+\.(?:css|js|svg))', html)
    assert any(name.endswith(".css") for name in linked)
    parts = [html.encode(), *((STATIC / name).read_bytes() for name in set(linked))]
    assert sum(len(gzip.compress(part)) for part in parts) < HEAVIEST


def test_nothing_is_kept_before_both_consents(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=make_account(consented=False), complete=False)
    client = sign_in(app.test_client(), order.account)  # type: ignore[arg-type]
    for path, name in (("code", "code"), ("photo", "photo")):
        file = {name: (io.BytesIO(JPEG), "x.jpg")}
        answer = client.post(f"/orders/{order.number}/{path}", data=file)
        assert answer.status_code == 409
        assert 'href="/privacy?next=' in answer.text
    with pytest.raises(ConsentNeeded):
        submissions.keep_typed(order.account_id or 0, order.number, {"name": "王小明"})
    assert db.session.query(Photo).count() + db.session.query(CodeImage).count() == 0
    page = client.get("/privacy").text
    assert page.count('type="checkbox"') == 2
    assert "checked" not in page
    assert client.post("/privacy", data={"consent": "portrait"}).status_code == 422
    assert client.post("/privacy", data={"consent": ["portrait", "handover"]}).status_code == 303
    given = db.session.query(Consent).filter_by(account_id=order.account_id).all()
    assert {(row.kind, row.text_version, row.text_sha256) for row in given} == {
        (kind, text.version, text.sha256) for kind, text in consents.TEXTS.items()
    }


def test_one_mistake_clears_nothing_and_the_draft_survives(student: FlaskClient, order: Order) -> None:
    typed = {"name": "欧阳䶮", "id_no": "123", "email": "x@example.com", "phone": "1"}
    answer = student.post(f"/orders/{order.number}/form", data=typed)
    assert answer.status_code == 422
    for value in typed.values():
        assert f'value="{value}"' in answer.text
    assert 'value="欧阳䶮"' in student.get(f"/orders/{order.number}/form").text
    assert student.post(f"/orders/{order.number}/form/typed", data=typed | {"name": "𠮷"}).status_code == 204
    assert 'value="𠮷"' in student.get(f"/orders/{order.number}/form").text


def test_the_classes_follow_the_college(student: FlaskClient, order: Order) -> None:
    answer = student.post(f"/orders/{order.number}/form/typed?field=college", data={"college": "理学院"})
    assert 'id="class_name-field" hx-swap-oob="true"' in re.sub(r"\s+", " ", answer.text)
    assert "物理2301" in answer.text
    assert "汉语2301" not in answer.text


@pytest.mark.parametrize("state", list(OrderState))
def test_only_a_waiting_order_is_asked_after(student: FlaskClient, cast: Cast, state: OrderState) -> None:
    order = make_order(cast.campaign, state, account=cast.student)
    page = student.get(f"/orders/{order.number}").text
    waits = state in (OrderState.PENDING_PAYMENT, OrderState.PENDING_REVIEW)
    assert ("/state?tick=1" in page) is waits
    answer = student.get(f"/orders/{order.number}/state?tick=20&was={state}", headers={"HX-Request": "true"})
    assert "hx-trigger" not in answer.text  # twenty looks are enough


def test_a_moved_order_loads_its_page_again_once(student: FlaskClient, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    answer = student.get(f"/orders/{order.number}/state?tick=1&was=pending_payment", headers={"HX-Request": "true"})
    assert (answer.headers["HX-Refresh"], answer.text) == ("true", "")


@pytest.mark.parametrize("fault", sorted(CODE_FAULTS))
def test_every_code_fault_has_its_words_and_its_way_on(student: FlaskClient, order: Order, fault: str) -> None:
    code = order.code
    assert code is not None
    code.payload, code.payload_sha256, code.fault = None, None, fault
    db.session.commit()
    page = student.get(f"/orders/{order.number}/code").text
    assert CODE_FAULTS[fault] in page
    assert CODE_WAYS[fault] in page
    assert ("申请人工处理" in page) is (fault == "used")


def test_every_check_has_its_place_among_the_requirements() -> None:
    placed = [code for group in GROUPS for code in group.checks]
    assert sorted(placed) == sorted(CODES)
    for group in GROUPS:
        assert any(sample.good for sample in group.samples)
        assert any(not sample.good for sample in group.samples)
        for sample in group.samples:
            assert (STATIC / "samples" / f"{sample.name}.webp").exists()


def test_the_avatar_is_a_picture_and_nothing_else(student: FlaskClient) -> None:
    assert student.get("/me/avatar").status_code == 404
    for data in (b"", b"<svg onload=alert(1)>", b"GIF89a", b"\xff\xd8\xff" + b"0" * 2 * 1024**2):
        answer = student.post("/me/avatar", data={"avatar": (io.BytesIO(data), "me.jpg")})
        assert answer.status_code in (413, 422)
    assert student.post("/me/avatar", data={"avatar": (io.BytesIO(JPEG), "me.html")}).status_code == 303
    answer = student.get("/me/avatar")
    assert (answer.data, answer.content_type) == (JPEG, "image/jpeg")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_new_code_answers_a_rejection_about_the_code(student: FlaskClient, cast: Cast) -> None:
    """Not only photo and form are changes: 下一步 is offered, and an appeal no longer."""
    order = make_order(cast.campaign, OrderState.REJECTED, account=cast.student)
    assert "申诉" in student.get(f"/orders/{order.number}").text
    student.post(f"/orders/{order.number}/code", data={"code": (io.BytesIO(JPEG), "c.jpg")})
    page = student.get(f"/orders/{order.number}").text
    assert f"/orders/{order.number}/confirm" in page
    assert f"/orders/{order.number}/appeal" not in page


def test_an_appeal_has_an_answer(student: FlaskClient, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.REJECTED, account=cast.student)
    student.post(f"/orders/{order.number}/appeal", data={"version": order.version})
    assert "申诉处理中" in student.get(f"/orders/{order.number}").text
    db.session.expire_all()
    order.decision_id = make_decision(order, "rejected", cast.other_reviewer, kind="appeal", note="衣领未入镜").id
    order.state = OrderState.REJECTED.value
    db.session.commit()
    page = student.get(f"/orders/{order.number}").text
    assert "申诉结果：维持驳回" in page
    assert "衣领未入镜" in page


def test_who_allowed_no_wechat_message_is_not_asked_outside_wechat(student: FlaskClient, order: Order) -> None:
    assert 'name="notices"' not in student.get(f"/orders/{order.number}/confirm").text
    inside = {"User-Agent": "Mobile MicroMessenger/8.0"}
    assert 'name="notices"' in student.get(f"/orders/{order.number}/confirm", headers=inside).text
    data = {"version": order.version, "notices": "1"}
    asked = student.post(f"/orders/{order.number}/submit", data=data, headers=inside)
    assert "/mp/subscribemsg?action=get_confirm" in asked.location
    reserved, scene = (re.search(rf"{name}=(\w+)", asked.location)[1] for name in ("reserved", "scene"))
    wrong = f"/orders/{order.number}/notices?action=confirm&scene={scene}&reserved=x"
    assert student.get(wrong).status_code == 303
    assert _consents(order) == 0  # and the question is used up
    assert student.get(f"/orders/{order.number}/notices?action=confirm&scene={scene}&reserved={reserved}")
    assert _consents(order) == 0


def test_an_allowed_message_is_counted_once(student: FlaskClient, order: Order) -> None:
    inside = {"User-Agent": "Mobile MicroMessenger/8.0"}
    data = {"version": order.version, "notices": "1"}
    asked = student.post(f"/orders/{order.number}/submit", data=data, headers=inside).location
    reserved, scene = (re.search(rf"{name}=(\w+)", asked)[1] for name in ("reserved", "scene"))
    for _ in range(2):
        student.get(f"/orders/{order.number}/notices?action=confirm&scene={scene}&reserved={reserved}")
    assert _consents(order) == 1


def _consents(order: Order) -> int:
    from app.models import NoticeConsent

    return db.session.query(NoticeConsent).filter_by(order_id=order.id).count()


def test_the_roster_warns_and_never_blocks(student: FlaskClient, cast: Cast, order: Order) -> None:
    from app.models import RosterEntry

    db.session.add(RosterEntry(campaign_id=cast.campaign.id, student_no="2023999999", name="别人"))
    order.form_id = make_form(order, student_no="2023999999").id
    db.session.commit()
    page = student.get(f"/orders/{order.number}/confirm")
    assert (page.status_code, "不一致" in page.text) == (200, True)
    assert student.post(f"/orders/{order.number}/submit", data={"version": order.version}).status_code == 303


def test_the_last_try_is_warned_of_and_then_there_is_none(student: FlaskClient, cast: Cast, order: Order) -> None:
    cast.campaign.tries = 3
    for used, words in enumerate(("还可以上传 3 次", "还可以上传 2 次", "这是最后一次机会", "拍摄次数已用完")):
        order.tries_used = used
        db.session.commit()
        for page in ("photo", "camera"):
            assert words in student.get(f"/orders/{order.number}/{page}").text
    answer = student.post(f"/orders/{order.number}/photo", data={"photo": (io.BytesIO(JPEG), "x.jpg")})
    assert (answer.status_code, "拍摄次数已用完" in answer.text) == (422, True)


def test_a_required_field_has_its_star_and_each_field_its_keyboard(student: FlaskClient, order: Order) -> None:
    page = student.get(f"/orders/{order.number}/form").text
    for field in FIELDS:
        part = page[page.index(f'id="{field.name}-field"') :].partition('class="note"')[0]
        assert ("aria-required" in part, 'class="star"' in part) == (field.required, field.required), field.name
        if field.keyboard in ("tel", "email"):
            assert f'type="{field.keyboard}"' in part
        if field.keyboard == "latin":
            assert 'autocapitalize="characters"' in part


@pytest.mark.parametrize("state", [state for state in OrderState if state not in EDITABLE])
def test_steps_of_an_order_under_way_lead_to_its_page(student: FlaskClient, cast: Cast, state: OrderState) -> None:
    order = make_order(cast.campaign, state, account=cast.student)
    for step in ("step", "code", "form", "camera"):
        assert student.get(f"/orders/{order.number}/{step}").location == f"/orders/{order.number}"


def test_a_withdrawn_consent_closes_what_can_be_closed(student: FlaskClient, cast: Cast) -> None:
    waits = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    made = make_order(make_campaign(cast.school), OrderState.IN_PRODUCTION, account=cast.student)
    page = student.post("/me/withdraw", follow_redirects=True).text
    assert "同意已撤回" in page
    assert made.number in page and waits.number not in page
    db.session.expire_all()
    assert (waits.state, made.state) == ("cancelled", "in_production")
    again = student.post("/start", data={"campaign": cast.campaign.id})
    assert "/privacy" in again.location


def test_a_student_sees_who_looked_and_why(student: FlaskClient, cast: Cast, order: Order) -> None:
    db.session.add(PhotoView(photo_id=order.photo_id, staff_id=cast.reviewer.id, purpose="review"))
    db.session.commit()
    page = student.get("/me/views").text
    assert order.number in page
    assert "审核员 · 审核" in re.sub(r"\s+", " ", page)
    assert cast.reviewer.name not in page


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("step", ["code", "form", "camera", "confirm"])
def test_steps_are_open_while_something_can_be_changed(app: Flask, cast: Cast, state: OrderState, step: str) -> None:
    order = make_order(cast.campaign, state, account=cast.student)
    answer = sign_in(app.test_client(), cast.student).get(f"/orders/{order.number}/{step}")
    if state in EDITABLE:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.location) == (303, f"/orders/{order.number}")
