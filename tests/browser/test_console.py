"""Two stories of the console in a real browser: a second factor is set up and used, a reason is written and offered."""

from __future__ import annotations

from typing import Any

import pyotp
from flask import Flask
from playwright.sync_api import Page, expect

from app.rules.states import OrderState, Role
from app.services.access.staff import create
from app.services.review.reasons import seed_reasons
from tests.browser.conftest import DESKTOP
from tests.browser.site import served, signed_in
from tests.factories import Cast, make_order

PASSWORD = "correct-horse-battery"


def _sign_in(page: Page, url: str, code: str = "") -> None:
    page.goto(f"{url}/staff/sign-in")
    page.locator("#name").fill("wang")
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(code)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_second_factor_is_set_up_and_asked_for(app: Flask, cast: Cast, open_page: Any) -> None:
    create("wang", [Role.REVIEWER.value], [], PASSWORD)
    page = open_page(DESKTOP)
    with served(app) as url:
        _sign_in(page, url)
        page.goto(f"{url}/staff/account/second-factor")
        secret = page.locator("code.secret").inner_text().replace(" ", "")
        expect(page.locator(".qr-code svg")).to_be_visible()
        page.get_by_label("6 位动态码").fill("000000")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("动态码不正确")
        page.get_by_label("6 位动态码").fill(pyotp.TOTP(secret).now())
        page.keyboard.press("Enter")
        recovery = page.locator(".codes li").first.inner_text()
        with page.expect_navigation():
            page.get_by_role("button", name="退出").click()
        _sign_in(page, url)
        expect(page).to_have_url(f"{url}/staff/sign-in")  # the password alone no longer opens
        _sign_in(page, url, recovery)
        expect(page.locator("h1")).to_contain_text("审核队列")


def test_a_reason_is_written_seen_as_students_will_and_offered(app: Flask, cast: Cast, open_page: Any) -> None:
    seed_reasons()
    number = make_order(cast.campaign, OrderState.PENDING_REVIEW).number
    with served(app) as url:
        page = signed_in(open_page(DESKTOP), app, url, cast.lead)
        page.goto(f"{url}/review/reasons/new")
        words = {"code": "hair", "label": "头发", "label_en": "头发", "text_en": "Please pull your hair back."}
        for name, text in words.items():
            page.locator(f"[name={name}]").fill(text)
        page.locator("[name=text_zh]").press_sequentially("头发遮住了眉毛，距离 {value} 像素，请拢到耳后。")
        expect(page.locator("#preview")).to_contain_text("距离 42 像素")
        page.get_by_role("button", name="保存").click()
        expect(page.locator(".fault")).to_contain_text("这里请填写英文")
        expect(page.locator("[name=text_zh]")).to_have_value("头发遮住了眉毛，距离 {value} 像素，请拢到耳后。")
        page.locator("[name=label_en]").fill("Hair")
        page.get_by_role("button", name="保存").click()
        expect(page.locator(".flash")).to_contain_text("已保存")
        page.goto(f"{url}/review/orders/{number}/desk")
        page.get_by_label("头发", exact=True).check()
        page.keyboard.press("r")
        expect(page.locator("#say")).to_contain_text("请先填写原因中的数值")
