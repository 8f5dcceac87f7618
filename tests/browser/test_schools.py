"""A producer and a school liaison in a real browser: hand-over, progress, download, difference, recall, delta batch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Page, Request, expect

from app.adapters.storage import storage
from app.demo import portraits
from app.extensions import db
from app.models import Batch, Campaign, Order, RosterEntry, Staff
from app.rules.states import OrderState, Role
from app.services.access.staff import create
from app.services.review import decisions
from app.services.review.decisions import Judgement, Seen
from app.services.review.reasons import seed_reasons
from tests.browser.conftest import DESKTOP, Installation
from tests.browser.site import served, signed_in
from tests.browser.test_story import PASSWORD, _let_time_pass
from tests.factories import make_campaign, make_order, make_school, make_staff

NAMES = ("王小明", "𠮷田䶮")


def test_a_batch_from_the_producer_to_the_school_and_back(installation: Installation, open_page: Any) -> None:
    installation.work()
    campaign, numbers = _prepare()
    producer, liaison = open_page(DESKTOP), open_page(DESKTOP, accept_downloads=True)
    _sign_in(producer, installation, "maker")
    first = _make_and_hand_over(producer, installation, campaign.id)
    _sign_in(liaison, installation, "teacher")
    _see_progress(liaison, installation, campaign.code)
    _download(liaison, installation, first)
    _acknowledge(liaison, installation, first, numbers[1])
    _recall(producer, installation, numbers[1])
    _approve_again(numbers[1])
    second = _make_and_hand_over(producer, installation, campaign.id)
    assert second != first
    liaison.goto(f"{installation.url}/schools/batches/{second}")
    expect(liaison.get_by_text("以下旧文件作废")).to_be_visible()
    expect(liaison.locator("main")).to_contain_text(first)
    _fits_a_phone(liaison, f"{installation.url}/schools", campaign.code, first)


def _fits_a_phone(page: Page, address: str, code: str, number: str) -> None:
    """At 360 px no page of the liaison scrolls sideways, and a student number stands on one line."""
    page.set_viewport_size({"width": 360, "height": 740})
    campaign = f"{address}/campaigns/{code}"
    for place in (f"{address}/", campaign, f"{campaign}/roster/", f"{campaign}/compare", f"{campaign}/poster",
                  f"{address}/batches/{number}", f"{campaign}/students/unfinished"):  # fmt: skip
        page.goto(place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, place
    box = (
        page.get_by_role("cell", name="2023999999").or_(page.get_by_text("2023999999", exact=True)).first.bounding_box()
    )
    assert box is not None and box["height"] < 40


def _prepare() -> tuple[Campaign, list[str]]:
    """Two approved orders and three expected students; a producer and a liaison."""
    seed_reasons()
    school = make_school("10001")
    campaign = make_campaign(school, code="TEACH1")
    create("maker", [Role.PRODUCER.value], [], PASSWORD)
    create("teacher", [Role.SCHOOL.value], ["10001"], PASSWORD)
    numbers = []
    for place, name in enumerate(NAMES):
        order = make_order(campaign, OrderState.PENDING_PRODUCTION)
        assert order.form is not None
        order.form.name = name
        _picture(order, place + 3)
        numbers.append(str(order.number))
        db.session.add(RosterEntry(campaign_id=campaign.id, student_no=order.form.student_no, name=name,
                                   college="文学院", class_name="汉语2301"))  # fmt: skip
    db.session.add(RosterEntry(campaign_id=campaign.id, student_no="2023999999", name="未到", college="文学院",
                               class_name="汉语2301"))  # fmt: skip
    db.session.commit()
    return campaign, numbers


def _picture(order: Order, seed: int) -> None:
    data = portraits.jpeg(portraits.portrait(seed, (480, 640)), 70)
    assert order.photo is not None and order.photo.rendition_key is not None
    storage().put(order.photo.rendition_key, data)
    order.photo.rendition_sha256 = hashlib.sha256(data).hexdigest()
    db.session.commit()


def _sign_in(page: Page, installation: Installation, name: str) -> None:
    page.goto(f"{installation.url}/staff/sign-in")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.locator("header .who")).to_contain_text(name)


def _make_and_hand_over(page: Page, installation: Installation, campaign_id: int) -> str:
    page.goto(f"{installation.url}/production/dry-run/{campaign_id}/chsi")
    page.get_by_role("button", name="冻结名单并生成").click()
    page.get_by_role("button", name="确认交付").click(timeout=30_000)  # the worker built it meanwhile
    expect(page.locator("h1")).to_contain_text("已交付")
    db.session.rollback()
    return str(db.session.query(Batch).order_by(Batch.id.desc()).limit(1).one().number)


def _see_progress(page: Page, installation: Installation, code: str) -> None:
    page.goto(f"{installation.url}/schools/")
    page.get_by_role("link", name="2027届毕业生采集").click()
    expect(page.locator(".figures")).to_contain_text("应采集")
    expect(page.locator(".chart-rows").first).to_contain_text("2 / 3")
    page.locator(".figures").get_by_role("link").first.click()
    expect(page.get_by_role("cell", name="2023999999")).to_be_visible()


def _download(page: Page, installation: Installation, number: str) -> None:
    page.goto(f"{installation.url}/schools/batches/{number}")
    with page.expect_download() as caught:
        page.get_by_role("button", name="下载 ZIP").click()
    path = installation.folder / "downloaded.zip"
    caught.value.save_as(path)
    checked = installation.flask("verify-batch", str(path))
    assert checked.returncode == 0, checked.stdout
    page.reload()
    expect(page.get_by_text("下载记录")).to_be_visible()


def _acknowledge(page: Page, installation: Installation, number: str, order_number: str) -> None:
    page.get_by_role("button", name="签收").click()
    expect(page.get_by_text("二者择一")).to_be_visible()
    page.locator("#lines").fill(f"{order_number} 不是本人")
    page.get_by_role("button", name="签收").click()
    expect(page.get_by_text("1 处差异已转给制作员")).to_be_visible()


def _recall(page: Page, installation: Installation, order_number: str) -> None:
    """The producer finds the difference at the batch's order and recalls that one."""
    page.goto(f"{installation.url}/review/orders/{order_number}")
    form = page.locator("form[action$='/recall']")
    if not form.is_visible():
        page.get_by_text("召回", exact=False).first.click()
    form.locator("[name=cause]").fill("学校反馈不是本人")
    form.get_by_role("button").click()
    expect(page.locator("main")).to_contain_text("待审核")


def _approve_again(number: str) -> None:
    """Another reviewer looks at it anew; what the desk does is told in the other story."""
    db.session.rollback()
    reviewer = make_staff(Role.REVIEWER)
    order = db.session.query(Order).filter_by(number=number).one()
    assert order.photo_id is not None
    decisions.decide(reviewer, Seen(order.id, order.version, order.photo_id), Judgement("approved"))
    _let_time_pass()


PASTED = "学号\t姓名\t班级\n{there}\t甲同学\t一班\n2029000001\t乙同学\t一班\n2029000002\t丙同学\t二班"


def test_a_pasted_list_is_compared_without_leaving_the_page(app: Flask, open_page: Any) -> None:
    campaign, _numbers = _prepare()
    form = db.session.query(Order).first().form
    teacher = db.session.query(Staff).filter_by(name="teacher").one()
    with served(app) as url:
        page = signed_in(open_page(DESKTOP, accept_downloads=True), app, url, teacher)
        page.goto(f"{url}/schools/campaigns/{campaign.code}/compare")
        _compare(page, form.student_no, f"{url}/static/")


def _compare(page: Page, student_no: str, static: str) -> None:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    page.locator("[data-compare] textarea").fill(PASTED.format(there=student_no))
    page.get_by_role("button", name="比对", exact=True).click()
    rows = page.locator("[data-result] table tr")
    expect(rows).to_have_text(["班级名单人数已通过审核中待学生处理未开始", "合计31002", "二班10001", "一班21001"])
    page.locator("[data-result] details summary").last.click()
    expect(page.locator("[data-result] details").last).to_contain_text("2029000001")
    with page.expect_download() as caught:
        page.get_by_role("button", name="保存结果为 CSV").click()
    text = Path(caught.value.path()).read_text("utf-8-sig")
    assert "乙同学" in text
    own = ("blob:", static)  # a picture or style of the page itself may come late
    network = [request for request in sent if not request.url.startswith(own)]
    assert [request.url.rsplit("/", 1)[1] for request in network] == ["numbers"]
    carried = [f"{request.url} {request.post_data or ''} {request.headers}" for request in sent]
    assert not any(word in one for one in carried for word in ("同学", "2029", "%E5", student_no))
