"""The page for a studio's folder in a real browser: dropped, stopped, dropped again, the tray; a receiver's link."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, Request, expect

from app.adapters.clock import now
from app.demo import portraits
from app.extensions import db
from app.models import Audit, BatchLink, Order
from app.rules.states import OrderState
from app.services import batches
from app.services.transitions import Actor, Role
from app.services.unit import unit_of_work
from tests.browser.conftest import DESKTOP
from tests.browser.site import served, signed_in
from tests.factories import Cast, make_order


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    with served(app) as url:
        yield url


def _picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(portraits.jpeg(portraits.portrait(seed, (48, 64)), 70))


def _drop(page: Page, folder: Path) -> None:
    """What the system tells the browser when somebody lets a folder go over the page."""
    box = page.locator("[data-onsite]").bounding_box()
    assert box is not None
    debugger = page.context.new_cdp_session(page)
    where = {"x": box["x"] + 20, "y": box["y"] + 20}
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        debugger.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})


def _numbers(cast: Cast, count: int) -> list[str]:
    """Student numbers of drafts that wait for a photo."""
    made = [make_order(cast.campaign, OrderState.DRAFT) for _ in range(count)]
    return [order.form.student_no for order in made if order.form is not None]


def test_a_dropped_folder_is_sent_once_goes_on_after_a_stop_and_leaves_a_tray(
    app: Flask, cast: Cast, site: str, open_page: Any, tmp_path: Path
) -> None:
    numbers = _numbers(cast, 3)
    folder = tmp_path / "studio"
    for place, number in enumerate(numbers[:2]):
        _picture(folder / "day 1" / f"{number}.jpg", place)
    _picture(folder / "DSC_0007.jpg", 7)
    _picture(folder / ".hidden.jpg", 8)
    (folder / "notes.txt").write_text("none")
    page = signed_in(open_page(DESKTOP), app, site, cast.producer)
    page.goto(f"{site}/onsite/{cast.campaign.code}")
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/photos") else None)
    status = page.locator("[data-status]")

    page.route("**/photos", lambda route: route.abort() if len(sent) == 2 else route.continue_())
    _drop(page, folder)
    expect(status).to_contain_text("上传中断")
    page.unroute("**/photos")
    assert len(sent) == 2

    _drop(page, folder)
    expect(status).to_contain_text("之前已导入 1")
    expect(status).to_contain_text("完成")
    assert len(sent) == 4  # what arrived before the stop was not sent again
    tray = page.locator(".tray li")
    expect(tray).to_contain_text("DSC_0007.jpg")  # the page shows itself anew

    _drop(page, folder)
    expect(status).to_contain_text("之前已导入 3")
    assert len(sent) == 4

    tray.locator("[name=student_no]").fill(numbers[2])
    tray.get_by_role("button", name="归入").click()
    expect(page.locator(".flash")).to_contain_text("照片已归入订单")
    expect(page.get_by_text("没有等待认领的照片")).to_be_visible()
    db.session.rollback()
    photos = [order.photo for order in db.session.query(Order) if order.photo is not None]
    assert [photo.source for photo in photos].count("onsite") == 3


def test_a_map_says_whose_a_photo_is(app: Flask, cast: Cast, site: str, open_page: Any, tmp_path: Path) -> None:
    (number,) = _numbers(cast, 1)
    _picture(tmp_path / "studio" / "DSC_1.JPG", 1)
    (tmp_path / "map.csv").write_bytes(f'文件,学号\r\n"D:\\day\\dsc_1.jpg",{number}\r\n'.encode("gb18030"))
    page = signed_in(open_page(DESKTOP), app, site, cast.producer)
    page.goto(f"{site}/onsite/{cast.campaign.code}")
    page.set_input_files("[name=map]", tmp_path / "map.csv")
    page.set_input_files("input[webkitdirectory]", tmp_path / "studio")
    expect(page.locator("[data-status]")).to_contain_text("已归入订单 1")


def test_a_receiver_without_an_account_fetches_a_batch_with_link_and_code(
    app: Flask, cast: Cast, site: str, open_page: Any, tmp_path: Path
) -> None:
    make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    batch = batches.freeze(cast.campaign.id, "chsi", Actor(Role.PRODUCER, cast.producer.id))
    assert batch is not None
    number = batch.number
    batches.build(batch.id, lambda done, total: None)
    page = signed_in(open_page(DESKTOP), app, site, cast.producer)
    page.goto(f"{site}/production/batches/{number}")
    page.locator("[name=receiver]").fill("教务处 王老师")
    page.locator("form[action$='/links'] button").click()
    address, code = (page.locator(".new-link input").nth(place).input_value() for place in (0, 1))

    receiver: Page = open_page(accept_downloads=True)
    receiver.goto(f"{site}/d/{address.rsplit('/', 1)[1]}")
    receiver.locator("[name=code]").fill("WRONG234")
    receiver.get_by_role("button", name="下载 ZIP").click()
    expect(receiver.locator("main")).to_contain_text("提取码不正确，还可以试 4 次")
    receiver.locator("[name=code]").fill(code.lower())
    with receiver.expect_download() as caught:
        receiver.get_by_role("button", name="下载 ZIP").click()
    assert caught.value.suggested_filename == f"{number}.zip"
    db.session.rollback()
    logged = db.session.query(Audit).filter_by(action="batch.downloaded").one()
    assert (logged.staff_id, logged.cause) == (None, "教务处 王老师")
    page.reload()
    expect(page.locator("main")).to_contain_text("教务处 王老师")

    with unit_of_work():
        db.session.query(BatchLink).update({"expires_at": now() - timedelta(seconds=1)})
    receiver.goto(f"{site}/d/{address.rsplit('/', 1)[1]}")
    expect(receiver.locator("body")).to_contain_text("下载链接无效或已过期")
