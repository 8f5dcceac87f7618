"""What students' pages promise of a browser: an upload that breaks, no JavaScript, English, 320 px."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from playwright.sync_api import Page, Route, expect

from app.demo import portraits
from app.extensions import db
from app.models import Order, Payment, Photo
from app.rules.states import OrderState, Role
from app.services import batches
from app.services.review import decisions
from app.services.unit import unit_of_work
from tests.browser.conftest import Installation
from tests.browser.site import served, signed_in
from tests.browser.test_story import ID_NO, _let_time_pass
from tests.factories import JPEG, Cast, make_campaign, make_order, make_school, make_staff


def test_a_broken_upload_is_tried_again_without_choosing_again(
    app: Flask, cast: Cast, open_page: Any, tmp_path: Path
) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    (tmp_path / "me.jpg").write_bytes(JPEG + b"another")
    tries: list[str] = []

    def break_first(route: Route) -> None:
        tries.append(route.request.method)
        route.abort("connectionreset") if len(tries) == 1 else route.continue_()

    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.goto(f"{url}/orders/{order.number}/photo")
        page.route("**/photo", break_first)
        page.set_input_files("input[name=photo]", tmp_path / "me.jpg")
        expect(page.get_by_text("上传中断，文件还在")).to_be_visible()
        page.get_by_role("button", name="重试").click()
        expect(page.get_by_text("检测中…")).to_be_visible()
    db.session.rollback()
    assert tries == ["POST", "POST", "GET"]
    assert db.session.get_one(Order, order.id).tries_used == 1


def test_a_form_left_half_way_is_there_again(app: Flask, cast: Cast, open_page: Any) -> None:
    """Typed, not submitted, page closed: no `change` event has fired for the last field."""
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student, complete=False)
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.goto(f"{url}/orders/{order.number}/form")
        page.fill("#id_no", ID_NO[:-1] + "0")
        page.locator("#name").press("Tab")
        expect(page.locator("#id_no-note")).to_contain_text("身份证号有误")
        with page.expect_response(lambda answer: answer.url.endswith("/form/typed")):
            page.locator("#name").press_sequentially("欧阳䶮")
        page.goto(f"{url}/orders")
        page.goto(f"{url}/orders/{order.number}/form")
        expect(page.locator("#name")).to_have_value("欧阳䶮")


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_no_page_is_wider_than_a_small_phone(app: Flask, cast: Cast, open_page: Any, locale: str) -> None:
    order = make_order(cast.campaign, OrderState.REJECTED, account=cast.student)
    cast.school.name = "中国少数民族语言文学与马克思主义理论研究大学附属继续教育学院（东校区）"
    db.session.commit()
    wide = []
    with served(app) as url:
        page = signed_in(open_page({"width": 320, "height": 640}), app, url, cast.student, locale)
        for address in ("", "/code", "/form", "/photo", "/camera", "/confirm"):
            page.goto(f"{url}/orders/{order.number}{address}")
            if page.evaluate("document.documentElement.scrollWidth") > 320:
                wide.append(address or "order")
        for address in ("/", "/orders", "/me", "/me/data", "/me/consents", "/requirements", "/privacy"):
            page.goto(url + address)
            if page.evaluate("document.documentElement.scrollWidth") > 320:
                wide.append(address)
    assert not wide


def test_a_hidden_tab_asks_nothing_and_a_settled_photo_ends_the_asking(app: Flask, cast: Cast, open_page: Any) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student, verdict=None)  # no worker looks at it
    asked: list[str] = []
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => !window.seen})")
        page.on("request", lambda request: asked.append(request.url) if "/photo/status" in request.url else None)
        page.goto(f"{url}/orders/{order.number}/photo")
        page.wait_for_timeout(1500)  # three looks in a tab that is seen
        assert asked == []
        with page.expect_response("**/photo/status**"):
            page.evaluate("window.seen = true; document.dispatchEvent(new Event('visibilitychange'))")
        with unit_of_work():
            photo = db.session.get_one(Photo, order.photo_id)
            photo.check_state, photo.verdict = "done", "failed"
        expect(page.get_by_text("照片不合格")).to_be_visible()
        looks = len(asked)
        page.wait_for_timeout(1000)
        assert len(asked) == looks


def test_the_camera_or_where_there_is_none_the_phones_own(
    app: Flask, cast: Cast, open_page: Any, tmp_path: Path
) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    (tmp_path / "me.jpg").write_bytes(JPEG + b"mine")
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.goto(f"{url}/orders/{order.number}/camera")
        page.get_by_role("button", name="拍摄").click()
        page.get_by_role("button", name="重拍").click()
        page.get_by_role("button", name="拍摄").click()
        page.get_by_role("button", name="使用这张").click()
        expect(page.get_by_text("检测中…")).to_be_visible()
        page.add_init_script("navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('denied'))")
        page.goto(f"{url}/orders/{order.number}/camera")
        expect(page.get_by_text("无法使用摄像头")).to_be_visible()
        page.set_input_files("input[name=photo]", tmp_path / "me.jpg")
        expect(page.get_by_text("检测中…")).to_be_visible()
    db.session.rollback()
    sources = [photo.source for photo in db.session.get_one(Order, order.id).photos]
    assert sources == ["album", "camera", "camera_fallback"]


def _prepare(folder: Path) -> str:
    campaign = make_campaign(make_school("10001"), code="STORY2")
    (folder / "good.jpg").write_bytes(portraits.jpeg(portraits.portrait(2, (1200, 1600))))
    (folder / "code.png").write_bytes(portraits.collection_code(b"CHSI-STORY-2"))
    return str(campaign.code)


def _until(page: Page, text: str) -> None:
    """Without a script nothing polls: the student presses 刷新."""
    for _ in range(60):
        if page.get_by_text(text).count():
            return
        page.wait_for_timeout(500)
        page.get_by_role("link", name="刷新").click()
    raise AssertionError(text)


def test_with_javascript_off_everything_works_but_the_camera(installation: Installation, open_page: Any) -> None:
    installation.work()
    code = _prepare(installation.folder)
    page = open_page(java_script_enabled=False)
    page.goto(f"{installation.url}/c/{code}")
    page.get_by_role("link", name="微信登录").click()
    page.get_by_role("button", name="微信扫码登录").click()
    page.get_by_role("button", name="李雨桐").click()
    page.get_by_role("button", name="开始线上采集").click()
    for box in page.locator("input[name=consent]").all():
        box.check()
    page.get_by_role("button", name="同意并继续").click()
    page.get_by_role("button", name="开始线上采集").click()
    page.locator("input[name=code]").first.set_input_files(installation.folder / "code.png")
    page.get_by_role("button", name="上传").first.click()
    _until(page, "采集码已识别")
    page.get_by_role("link", name="下一步").click()
    _fill(page)
    page.get_by_role("button", name="下一步").click()
    page.set_input_files("input[name=photo]", installation.folder / "good.jpg")
    page.get_by_role("button", name="上传").click()
    _until(page, "【初审合格】")
    page.get_by_role("link", name="下一步").click()
    page.get_by_role("button", name="提交", exact=True).click()
    page.get_by_role("button", name="确定").click()
    expect(page.locator("#state")).to_have_text("待支付")
    page.get_by_role("link", name="去支付").click()
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("link", name="打开模拟收银台").click()
    page.get_by_role("button", name="确认支付").click()
    expect(page.locator("h1")).to_contain_text("支付成功")
    page.get_by_role("link", name="查看订单").click()
    page.get_by_role("button", name="撤回审核").first.click()
    page.locator("#withdraw").get_by_role("button", name="撤回审核").click()
    expect(page.locator("#state")).to_have_text("修改中")


def _fill(page: Page) -> None:
    page.fill("#name", "李雨桐")
    page.fill("#student_no", "2023000778")
    page.fill("#id_no", ID_NO)
    page.select_option("#education_level", "本科")
    page.select_option("#education_category", "普通高等教育")
    page.fill("#email", "someone@example.com")
    page.fill("#phone", "13800138000")


BRIDGE = "window.WeixinJSBridge = {invoke: (name, asked, done) => { window.asked = asked; window.done = done; }}"
"""What WeChat puts into a page: its payment dialog, which a test answers."""


def test_the_way_in_english(installation: Installation, open_page: Any) -> None:
    """To production in WeChat: one message allowed, paid by JSAPI; no Chinese sentence is left on the way."""
    installation.work()
    code = _prepare(installation.folder)
    page = open_page(locale="en-GB", user_agent="Mozilla/5.0 (iPhone) Mobile MicroMessenger/8.0")
    page.add_init_script(BRIDGE)
    page.goto(f"{installation.url}/c/{code}")
    page.get_by_role("link", name="WeChat sign-in").click()
    page.get_by_role("button", name="张伟").click()
    page.get_by_role("button", name="Start").click()
    for box in page.locator("input[name=consent]").all():
        box.check()
    page.get_by_role("button", name="Agree and continue").click()
    page.get_by_role("button", name="Start").click()
    page.locator("input[name=code]").first.set_input_files(installation.folder / "code.png")
    expect(page.locator("#code .notice")).to_be_visible(timeout=30000)
    page.locator("#code .button").click()
    _fill(page)
    page.get_by_role("button", name="Next").click()
    page.set_input_files("input[name=photo]", installation.folder / "good.jpg")
    expect(page.locator(".stamp")).to_be_visible(timeout=30000)
    assert not re.search(r"[\u4e00-\u9fff]", page.locator("main").inner_text())
    page.get_by_role("link", name="Next").click()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator("#ask input[name=notices]").check()
    page.locator("#ask .answers button").last.click()
    page.get_by_role("button", name="允许").click()
    expect(page.get_by_text("WeChat will tell you")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Awaiting payment")
    _pay_inside_wechat(page, installation)
    number = page.url.rsplit("/", 1)[1]
    for state, label in ((_approved, "Awaiting production"), (_exported, "In production")):
        state(number)
        page.reload()
        expect(page.locator("#state")).to_have_text(label)
        assert not _chinese(page.locator("main").inner_text().replace("示例大学", "").replace("2027届毕业生采集", ""))


def _chinese(text: str) -> list[str]:
    return re.findall(r"[\u4e00-\u9fff]+", text)


def _pay_inside_wechat(page: Page, installation: Installation) -> None:
    """The dialog gets what WeChat asks for; whatever it answers, the server asks WeChat itself."""
    page.get_by_role("link", name="Pay").click()
    page.get_by_role("button", name="WeChat Pay").click()
    page.get_by_role("button", name="Confirm payment").click()
    assert set(page.evaluate("asked")) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    db.session.rollback()  # reads what the site has written meanwhile
    trade = db.session.query(Payment).one().out_trade_no
    requests.post(f"{installation.simulator}/cashier/{trade}", timeout=5)
    page.evaluate("done({err_msg: 'get_brand_wcpay_request:ok'})")
    expect(page.locator("h1")).to_have_text("Paid")
    page.get_by_role("link", name="See the order").click()
    expect(page.locator("#state")).to_have_text("Awaiting review")


def _approved(number: str) -> None:
    db.session.rollback()
    reviewer = make_staff(Role.REVIEWER)
    order = db.session.query(Order).filter_by(number=number).one()
    seen = decisions.Seen(order.id, order.version, order.photo_id or 0)
    decisions.decide(reviewer, seen, decisions.Judgement(decisions.APPROVED))
    _let_time_pass()


def _exported(_number: str) -> None:
    assert len(batches.export("chsi", None, None, batches.PRODUCER)) == 1
