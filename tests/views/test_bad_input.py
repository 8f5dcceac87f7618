"""What a user could send by mistake or on purpose: a sentence and a 4xx, never 500, nothing lost."""

from __future__ import annotations

import io

import pytest
from flask import Flask

from app.extensions import db
from app.models import Order, Photo
from app.rules.fields import FIELDS
from tests.factories import Cast, make_order, sign_in

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def _upload(app: Flask, cast: Cast, data: bytes, field: str = "photo") -> tuple[int, str, Order]:
    order = make_order(cast.campaign, account=cast.student, complete=False)
    client = sign_in(app.test_client(), cast.student)
    answer = client.post(
        f"/orders/{order.number}/{field}",
        data={field: (io.BytesIO(data), "x.jpg")},
        content_type="multipart/form-data",
        headers={"Accept-Language": "zh"},
    )
    return answer.status_code, answer.text, order


@pytest.mark.parametrize("field", ["photo", "code"])
@pytest.mark.parametrize(
    ("data", "status", "sentence"),
    [
        (b"", 422, "文件是空的"),
        (b"hello, I am a text file", 422, "这不是可用的图片"),
        (SVG, 422, "这不是可用的图片"),
        (b"%PDF-1.7 not a photo", 422, "这不是可用的图片"),
        (b"\xff\xd8\xff" + b"0" * (40 * 1024 * 1024), 413, "文件太大"),
    ],
)
def test_an_upload_that_is_no_picture(
    app: Flask, cast: Cast, data: bytes, status: int, sentence: str, field: str
) -> None:
    got, text, order = _upload(app, cast, data, field)
    assert (got, sentence in text) == (status, True)
    assert db.session.query(Photo).filter_by(order_id=order.id).count() == 0


WRONG = {
    "name": "=cmd()",
    "student_no": "学号一",
    "id_type": "library_card",
    "id_no": "110105194912310020",
    "college": "魔法学院",
    "class_name": "不存在的班",
    "education_level": "小学",
    "education_category": "x",
    "campus": "月球",
    "school_name": "别的大学",
    "email": "not an address",
    "phone": "12345",
}


def test_a_form_with_every_field_wrong_names_each_and_keeps_all(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, account=cast.student, complete=False)
    client = sign_in(app.test_client(), cast.student)
    answer = client.post(f"/orders/{order.number}/form", data=WRONG | {"id_type": "resident_id"})
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == len(FIELDS) - 1
    for value in ("=cmd()", "学号一", "110105194912310020", "not an address", "12345"):
        assert f'value="{value}"' in answer.text
    again = client.get(f"/orders/{order.number}/form")
    assert 'value="not an address"' in again.text


def test_a_missing_form_and_a_wild_one(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, account=cast.student, complete=False)
    client = sign_in(app.test_client(), cast.student)
    assert client.post(f"/orders/{order.number}/form", data={}).status_code == 422
    wild = {field.name: "\x00\u202e" + "字" * 5000 for field in FIELDS}
    assert client.post(f"/orders/{order.number}/form", data=wild).status_code == 422


@pytest.mark.parametrize("action", ["submit", "withdraw", "discard", "edit", "cancel", "appeal"])
def test_an_action_on_a_page_that_is_out_of_date(app: Flask, cast: Cast, action: str) -> None:
    order = make_order(cast.campaign, account=cast.student)
    client = sign_in(app.test_client(), cast.student)
    answer = client.post(f"/orders/{order.number}/{action}", data={"version": 999})
    assert answer.status_code in (303, 403, 409, 422)
    db.session.expire_all()
    assert order.state == "draft"
    if answer.status_code == 303 and action != "edit":  # to where it stands, with the sentence; a draft is being edited
        assert "刚刚已被更新" in client.get(answer.location).text


def test_the_notify_address_takes_no_flood(app: Flask) -> None:
    client = app.test_client()
    assert client.post("/wechatpay/notify", data=b"x" * 100_000).status_code == 413
