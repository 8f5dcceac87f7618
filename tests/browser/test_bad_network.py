"""What students' pages promise of a bad network: nothing waits without a sign, nothing typed or chosen is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import expect

from app.extensions import db
from app.models import Photo
from app.rules.states import OrderState
from app.services.unit import unit_of_work
from tests.browser.site import served, signed_in
from tests.factories import JPEG, Cast, make_order


def test_checking_goes_on_after_a_dead_spot(app: Flask, cast: Cast, open_page: Any) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student, verdict=None)
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.route("**/photo/status**", lambda route: route.abort("internetdisconnected"))
        with page.expect_event("requestfailed"):
            page.goto(f"{url}/orders/{order.number}/photo")
        with unit_of_work():
            photo = db.session.get_one(Photo, order.photo_id)
            photo.check_state, photo.verdict = "done", "failed"
        page.unroute("**/photo/status**")
        expect(page.get_by_text("照片不合格")).to_be_visible(timeout=10000)


def test_what_is_not_kept_is_told_and_kept_once_the_network_is_back(app: Flask, cast: Cast, open_page: Any) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student, complete=False)
    told = "还没有保存"
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.goto(f"{url}/orders/{order.number}/form")
        page.route("**/form/typed**", lambda route: route.abort("internetdisconnected"))
        page.fill("#name", "欧阳䶮")
        expect(page.get_by_text(told)).to_be_visible()
        page.unroute("**/form/typed**")
        expect(page.get_by_text(told)).to_be_hidden(timeout=10000)
        page.goto(f"{url}/orders/{order.number}/form")
        expect(page.locator("#name")).to_have_value("欧阳䶮")


def test_a_field_put_right_is_no_longer_marked(app: Flask, cast: Cast, open_page: Any) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student, complete=False)
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.goto(f"{url}/orders/{order.number}/form")
        page.get_by_role("button", name="下一步").click()
        expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")
        page.fill("#email", "li@example.com")
        page.locator("#email").press("Tab")
        expect(page.locator("#email")).not_to_have_attribute("aria-invalid", "true")
        page.fill("#email", "li")
        page.locator("#email").press("Tab")
        expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")


def test_a_file_that_is_too_large_is_told_before_it_is_sent(
    app: Flask, cast: Cast, open_page: Any, tmp_path: Path
) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    app.config["MAX_CONTENT_LENGTH"] = 2000
    (tmp_path / "large.jpg").write_bytes(JPEG + bytes(2000))
    sent: list[str] = []
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.goto(f"{url}/orders/{order.number}/photo")
        page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
        page.set_input_files("input[name=photo]", tmp_path / "large.jpg")
        expect(page.get_by_text("文件太大")).to_be_visible()
    assert sent == []


def test_an_upload_after_the_session_ran_out_leads_to_the_sign_in(
    app: Flask, cast: Cast, open_page: Any, tmp_path: Path
) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    (tmp_path / "me.jpg").write_bytes(JPEG + b"late")
    with served(app) as url:
        page = signed_in(open_page(), app, url, cast.student)
        page.goto(f"{url}/orders/{order.number}/photo")
        page.context.clear_cookies()
        page.set_input_files("input[name=photo]", tmp_path / "me.jpg")
        page.wait_for_url("**/sign-in**")
        assert page.url.endswith(f"?next=%2Forders%2F{order.number}%2Fphoto")
