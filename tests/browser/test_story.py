"""The whole way in a real browser: a student, a reviewer, the student again, the reviewer, the producer."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from app.adapters.clock import now
from app.demo import portraits
from app.extensions import db
from app.models import Decision, Order, Staff
from app.rules.states import OrderState, Role
from app.services.access.staff import create
from app.services.review.reasons import seed_reasons
from app.services.unit import unit_of_work
from tests.browser.conftest import DESKTOP, Installation
from tests.factories import make_campaign, make_order, make_school

PASSWORD = "correct-horse-battery"
ID_NO = "11010519491231002X"


def test_a_photo_from_the_phone_to_the_verified_batch(installation: Installation, open_page: Any) -> None:
    installation.work()
    campaign_code = _prepare(installation.folder)
    student, reviewer = open_page(), open_page(DESKTOP)
    _sign_in_with_wechat(student, installation, campaign_code)
    number = _submit(student, installation)
    _pay(student, number)
    _staff(reviewer, installation, "examiner")
    _approve_the_other(reviewer, installation)
    _reject(reviewer, number)
    _let_time_pass()
    _fix(student, installation, number)
    _approve_the_new_one(reviewer, installation)
    _let_time_pass()
    expect_state(student, installation, number, "待制作")
    _export(installation)
    expect_state(student, installation, number, "制作中")


def _prepare(folder: Path) -> str:
    """A school with an open campaign, a reviewer, one other order, and the student's files."""
    seed_reasons()
    school = make_school("10001")
    campaign = make_campaign(school, code="STORY1")
    create("examiner", [Role.REVIEWER.value], [], PASSWORD)
    order = make_order(campaign, OrderState.PENDING_REVIEW)
    _real_picture(order)
    for name, picture in (("smile", "smile"), ("good", None)):
        image = portraits.portrait(2, (1200, 1600), fault=picture)
        (folder / f"{name}.jpg").write_bytes(portraits.jpeg(image))
    (folder / "code.png").write_bytes(portraits.collection_code(b"CHSI-STORY-1"))
    (folder / "notes.jpg").write_text("not a picture")
    return str(campaign.code)


def _real_picture(order: Order) -> None:
    import hashlib

    from app.adapters.storage import storage

    data = portraits.jpeg(portraits.portrait(5, (480, 640)), 70)
    assert order.photo is not None and order.photo.rendition_key is not None
    storage().put(order.photo.rendition_key, data)
    order.photo.rendition_sha256 = hashlib.sha256(data).hexdigest()
    db.session.commit()


def _sign_in_with_wechat(page: Page, installation: Installation, code: str) -> None:
    page.goto(f"{installation.url}/c/{code}")
    expect(page.locator("h1")).to_contain_text("示例大学")
    page.get_by_role("link", name="微信登录").click()
    page.get_by_role("button", name="微信扫码登录").click()
    page.get_by_role("button", name="王小明").click()
    expect(page.get_by_role("button", name="开始线上采集")).to_be_visible()


def _submit(page: Page, installation: Installation) -> str:
    page.get_by_role("button", name="开始线上采集").click()
    expect(page.locator("h1")).to_have_text("隐私说明")
    for box in page.locator("input[name=consent]").all():
        assert not box.is_checked()
        box.check()
    page.get_by_role("button", name="同意并继续").click()
    page.get_by_role("button", name="开始线上采集").click()
    expect(page.locator("h1")).to_have_text("上传图像采集码")
    page.set_input_files("input[name=code]", installation.folder / "code.png")
    expect(page.get_by_text("采集码已识别")).to_be_visible(timeout=60000)
    page.get_by_role("link", name="下一步").click()
    _fill_form(page)
    page.set_input_files("input[name=photo]", installation.folder / "notes.jpg")
    expect(page.get_by_text("这不是可用的图片")).to_be_visible()
    page.set_input_files("input[name=photo]", installation.folder / "smile.jpg")
    expect(page.get_by_text("照片不合格")).to_be_visible(timeout=60000)
    expect(page.locator(".faults")).to_contain_text("表情")
    page.get_by_role("button", name="申请人工审核").click()
    page.get_by_role("link", name="下一步").click()
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_text("您确定要提交么?")).to_be_visible()
    page.get_by_role("button", name="确定").click()
    expect(page.get_by_text("照片提交成功")).to_be_visible()
    return page.url.rsplit("/", 1)[1]


def _fill_form(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("学生个人信息")
    page.fill("#name", "欧阳䶮")
    page.fill("#student_no", "2023000777")
    page.fill("#id_no", ID_NO[:-1] + "0")
    page.select_option("#education_level", "本科")
    page.select_option("#education_category", "普通高等教育")
    page.select_option("#college", "理学院")
    page.select_option("#class_name", "物理2301")
    page.fill("#email", "someone@example.com")
    page.fill("#phone", "13800138000")
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("#id_no-note")).to_contain_text("身份证号有误")
    expect(page.locator("#name")).to_have_value("欧阳䶮")
    page.fill("#id_no", ID_NO)
    page.get_by_role("button", name="下一步").click()
    expect(page.locator("h1")).to_have_text("上传照片")


def _pay(page: Page, number: str) -> None:
    expect(page.locator("#state")).to_have_text("待支付")
    page.get_by_role("link", name="去支付").click()
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("link", name="打开模拟收银台").click()
    page.get_by_role("button", name="确认支付").click()
    expect(page.locator("h1")).to_contain_text("支付成功")
    page.get_by_role("link", name="查看订单").click()
    expect(page.locator("#state")).to_have_text("待审核")
    page.get_by_role("link", name="返回订单列表").click()
    expect(page.locator(".orders")).to_contain_text(number)


def _staff(page: Page, installation: Installation, name: str) -> None:
    page.goto(f"{installation.url}/staff/sign-in")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.locator("h1")).to_contain_text("审核队列")


def _approve_the_other(page: Page, installation: Installation) -> None:
    """By keyboard; what comes next is there at once."""
    page.goto(f"{installation.url}/review/desk")
    ready = page.locator("#panel .panel[data-ready='1']")
    expect(ready).to_be_visible()
    first = ready.get_attribute("data-order")
    page.keyboard.press("a")
    expect(page.locator(f"#panel [data-order='{first}']")).to_have_count(0)


def _reject(page: Page, number: str) -> None:
    expect(page.locator(f"#panel [data-order='{number}'][data-ready='1']")).to_be_visible()
    expect(page.get_by_text("学生申请人工审核")).to_be_visible()
    expect(page.locator(".reasons .suggested")).to_contain_text("表情")
    page.keyboard.press("4")
    page.keyboard.press("r")
    _sent(page, 2)


def _sent(page: Page, decisions: int) -> None:
    """The queue is empty, and the decisions that travelled in the background have arrived."""
    expect(page.get_by_text("没有待审核的照片")).to_be_visible()
    expect(page.locator("#recent li:not(.muted)")).to_have_count(decisions)


def _let_time_pass() -> None:
    """Twenty seconds and a bit: decisions become visible."""
    with unit_of_work():
        for decision in db.session.query(Decision):
            decision.visible_from = now() - timedelta(seconds=1)


def _fix(page: Page, installation: Installation, number: str) -> None:
    page.goto(f"{installation.url}/orders/{number}")
    expect(page.locator("#state")).to_have_text("被驳回")
    expect(page.get_by_text("请保持自然表情").first).to_be_visible()
    page.get_by_role("button", name="去编辑").click()
    expect(page.get_by_role("link", name="重新拍照")).to_be_visible()
    page.set_input_files("input[name=photo]", installation.folder / "smile.jpg")
    expect(page.get_by_text("这张照片刚被驳回")).to_be_visible()
    page.set_input_files("input[name=photo]", installation.folder / "good.jpg")
    expect(page.get_by_text("【初审合格】")).to_be_visible(timeout=60000)
    page.get_by_role("link", name="下一步").click()
    page.get_by_role("button", name="提交", exact=True).click()
    page.get_by_role("button", name="确定").click()
    expect(page.get_by_text("照片已重新提交")).to_be_visible()
    expect(page.locator("#state")).to_have_text("待审核")


def _approve_the_new_one(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/review/desk")
    expect(page.locator("#panel .panel[data-ready='1']")).to_be_visible()
    expect(page.get_by_alt_text("上次的照片")).to_be_visible()
    expect(page.get_by_text("机检：已改正")).to_be_visible()
    page.keyboard.press("a")
    _sent(page, 3)
    assert db.session.query(Staff).count() == 1


def expect_state(page: Page, installation: Installation, number: str, label: str) -> None:
    """What the student reads."""
    page.goto(f"{installation.url}/orders/{number}")
    expect(page.locator("#state")).to_have_text(label)


def _export(installation: Installation) -> None:
    """By the command line, then every kind of batch is verified, and a changed byte is named."""
    for kind in ("chsi", "diploma"):
        done = installation.flask("export-batch", "--kind", kind)
        assert done.returncode == 0, done.stderr
        assert "2 photos" in done.stdout
    archive, folder = installation.folder / "batches/10001-STORY1-X001.zip", "10001-STORY1-B001"
    for path in (archive, installation.folder / "batches" / folder):
        done = installation.flask("verify-batch", str(path))
        assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(archive) as opened:
        photo = next(member for member in opened.infolist() if member.filename.startswith("photos/"))
    data = bytearray(archive.read_bytes())
    data[photo.header_offset + 30 + len(photo.filename) + 200] ^= 1  # 30: a member's header without its name
    archive.write_bytes(data)
    done = installation.flask("verify-batch", str(archive))
    assert done.returncode == 1
    assert photo.filename in done.stdout
    assert "Nothing to export" in installation.flask("export-batch", "--kind", "chsi").stdout
