"""A producer without scripts: a plain form takes a studio's files; the tray; submission for the students."""

from __future__ import annotations

import io

from flask import Flask

from app.demo import portraits
from app.extensions import db
from app.models import CheckState, IntakePhoto, Order
from app.rules.states import OrderState
from tests.factories import Cast, make_order, sign_in


def _picture(seed: int) -> bytes:
    return portraits.jpeg(portraits.portrait(seed, (48, 64)), 70)


def test_a_small_selection_from_a_plain_form_and_what_becomes_of_it(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT)
    other = make_order(cast.campaign, OrderState.DRAFT)
    assert order.form is not None and other.form is not None
    numbers, order_id = (order.form.student_no, other.form.student_no), order.id
    address, client = f"/onsite/{cast.campaign.code}", sign_in(app.test_client(), cast.producer)
    files = [(io.BytesIO(_picture(1)), f"{numbers[0]}_王小明.jpg"), (io.BytesIO(_picture(2)), "DSC_2.jpg"),
             (io.BytesIO(_picture(3)), "DSC_3.jpg"), (io.BytesIO(b"no picture"), "x.jpg")]  # fmt: skip
    told = client.post(f"{address}/photos", data={"photos": files}, follow_redirects=True).text
    assert all(part in told for part in ("已归入订单 1", "等待认领 2", "不是可用的图片 1"))
    assert "没有选择文件" in client.post(f"{address}/photos", follow_redirects=True).text

    first, second = db.session.query(IntakePhoto).order_by(IntakePhoto.file_name)
    shown = client.get(f"/onsite/photos/{first.id}")
    assert (shown.mimetype, shown.data) == ("image/jpeg", _picture(2))
    ids = first.id, second.id
    wrong = client.post(f"/onsite/photos/{ids[0]}/assign", data={"student_no": "0"}, follow_redirects=True)
    assert wrong.request.path == address and "没有这个学号或订单号" in wrong.text
    assigned = client.post(f"/onsite/photos/{ids[0]}/assign", data={"student_no": numbers[1]}, follow_redirects=True)
    assert "照片已归入订单" in assigned.text
    assert "照片已删除" in client.post(f"/onsite/photos/{ids[1]}/drop", follow_redirects=True).text
    assert client.get(f"/onsite/photos/{ids[1]}").status_code == 404

    assert "已代为提交 0 个订单，2 个还不完整" in client.post(f"{address}/submit", follow_redirects=True).text
    db.session.rollback()
    ready = db.session.get_one(Order, order_id)
    assert ready.photo is not None
    ready.photo.check_state, ready.photo.verdict = CheckState.DONE.value, "passed"
    db.session.commit()
    assert "已代为提交 1 个订单，1 个还不完整" in client.post(f"{address}/submit", follow_redirects=True).text


def test_a_table_that_cannot_be_read_keeps_the_producer_on_the_page(app: Flask, cast: Cast) -> None:
    address, client = f"/onsite/{cast.campaign.code}", sign_in(app.test_client(), cast.producer)
    files = {"photos": [(io.BytesIO(_picture(1)), "DSC_1.jpg")], "map": (io.BytesIO(b"DSC_1.jpg"), "map.csv")}
    told = client.post(f"{address}/photos", data=files, follow_redirects=True)
    assert told.request.path == address and "对照表每行需要有文件名和学号两列" in told.text
    assert db.session.query(IntakePhoto).count() == 0  # nothing is taken without its owner
