"""The producer's pages: what there is to export, what a school reported, and what only an admin may do."""

from __future__ import annotations

import hashlib

import pytest
from flask import Flask

from app.adapters.storage import storage
from app.extensions import db
from app.models import Batch
from app.rules.states import OrderState, Role
from app.services import batches
from tests.factories import Cast, make_campaign, make_order, make_staff, sign_in


def _delivered(cast: Cast, kinds: list[str]) -> Batch:
    """A handed-over 学信网 batch of one order."""
    order = make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    assert order.photo is not None and order.photo.rendition_key is not None
    storage().put(order.photo.rendition_key, b"face")
    order.photo.rendition_sha256 = hashlib.sha256(b"face").hexdigest()
    cast.campaign.kinds = kinds
    db.session.commit()
    batch = batches.freeze(cast.campaign.id, "chsi", batches.PRODUCER)
    assert batch is not None
    batches.build(batch.id, lambda done, total: None)
    return db.session.query(Batch).one()


def test_only_what_can_be_exported_is_offered(app: Flask, cast: Cast) -> None:
    make_campaign(cast.school, code="EMPTY9", name="没有照片的批次")
    make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    page = sign_in(app.test_client(), cast.producer).get("/production/").text
    assert page.count("试运行") == len(cast.campaign.kinds)
    assert "没有照片的批次" not in page


@pytest.mark.parametrize(
    ("kinds", "told"), [(["chsi"], "1 个订单完成"), (["chsi", "diploma"], "0 个订单完成，1 个还要等其他种类")]
)
def test_handing_over_says_what_is_still_awaited(app: Flask, cast: Cast, kinds: list[str], told: str) -> None:
    number = _delivered(cast, kinds).number
    client = sign_in(app.test_client(), cast.producer)
    page = client.post(f"/production/batches/{number}/hand-over", follow_redirects=True).text
    assert told in page and "等待学校签收" in page


def test_a_difference_marks_its_batch_in_the_list_and_says_what_to_do(app: Flask, cast: Cast) -> None:
    number = _delivered(cast, ["chsi", "diploma"]).number
    batches.hand_over(batches.by_number(number).id, batches.PRODUCER)
    client = sign_in(app.test_client(), cast.producer)
    assert "有差异" not in client.get("/production/").text
    batches.acknowledge(cast.liaison, number, False, "2023000001 不是本人", "")
    assert "有差异" in client.get("/production/").text
    assert "写明原因召回" in client.get(f"/production/batches/{number}").text


@pytest.mark.parametrize(
    ("form", "data", "beside"),
    [
        ("discard", {"cause": " "}, 'id="cause-fault">请填写作废原因'),
        ("links", {"receiver": " ", "days": "3"}, 'id="receiver-fault">请填写收件人'),
        ("links", {"receiver": "档案馆", "days": "400"}, 'id="days-fault">请选择链接的有效期'),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    app: Flask, cast: Cast, form: str, data: dict[str, str], beside: str
) -> None:
    batch = _delivered(cast, ["chsi"])
    answer = sign_in(app.test_client(), cast.producer).post(f"/production/batches/{batch.number}/{form}", data=data)
    assert answer.status_code == 422 and beside in answer.text
    assert data.get("receiver", "") in answer.text  # what was typed is kept
    assert (batches.by_number(batch.number).state, batches.links_of(batch)) == ("ready", [])


def test_a_completed_order_offers_its_recall_to_an_admin_only(app: Flask, cast: Cast) -> None:
    number = make_order(cast.campaign, OrderState.COMPLETED).number
    page = sign_in(app.test_client(), cast.producer).get(f"/review/orders/{number}").text
    assert "只有管理员可以召回" in page and "/recall" not in page
    assert "/recall" in sign_in(app.test_client(), make_staff(Role.ADMIN)).get(f"/review/orders/{number}").text
    working = make_order(cast.campaign, OrderState.IN_PRODUCTION).number
    assert "/recall" in sign_in(app.test_client(), cast.producer).get(f"/review/orders/{working}").text


def test_a_code_that_is_none_keeps_the_producer_on_the_page(app: Flask, cast: Cast) -> None:
    client = sign_in(app.test_client(), cast.producer)
    page = client.get("/production/find?code=nonsense", follow_redirects=True)
    assert page.status_code == 200 and 'class="alert"' in page.text and "没有找到这个小码" in page.text


def test_the_command_says_which_problem_stops_the_export(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    assert order.form is not None and order.photo is not None and order.photo.rendition_key is not None
    order.form.name = "欧阳䶮"
    db.session.commit()
    storage().delete(order.photo.rendition_key)
    said = app.test_cli_runner().invoke(args=["export-batch", "--kind", "chsi", "--dry-run"]).output
    assert f"{cast.campaign.code}: 1 to export, 2 to look at" in said
    assert "  note: gbk: " in said
    assert "  stops the export: missing_file: " in said


def test_a_build_that_takes_long_says_what_to_look_at(app: Flask, cast: Cast) -> None:
    make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    batch = batches.freeze(cast.campaign.id, "chsi", batches.PRODUCER)
    assert batch is not None
    client = sign_in(app.test_client(), cast.producer)
    told = ["磁盘空间" in client.get(f"/production/batches/{batch.number}/state?tick={tick}").text for tick in (0, 40)]
    assert told == [False, True]
