"""The desk by keyboard alone, in a real browser: thirty photos, and everything that can come between."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from app.adapters.clock import now
from app.adapters.storage import storage
from app.demo import portraits
from app.extensions import db
from app.models import Decision, Order, Photo, PhotoCheck, PhotoView, Staff
from app.rules.messages import LABELS
from app.rules.states import OrderState, Role
from app.services.access.staff import create
from app.services.review import decisions
from app.services.review.decisions import Judgement, Seen
from app.services.review.reasons import seed_reasons
from tests.browser.conftest import DESKTOP, Installation
from tests.browser.site import served, signed_in
from tests.factories import make_campaign, make_decision, make_order, make_photo, make_school

PASSWORD = "correct-horse-battery"
LONG_NAME = "阿依古丽·买买提江·阿不都热合曼"


@pytest.fixture
def orders(installation: Installation) -> list[str]:
    """Thirty waiting orders of an installation, the longest waiting first; their numbers."""
    assert installation.url
    return _waiting(30)


def _waiting(count: int) -> list[str]:
    seed_reasons()
    campaign = make_campaign(make_school("10001"), code="DESK01")
    for name in ("first", "second"):
        create(name, [Role.REVIEWER.value], [], PASSWORD)
    pictures = [portraits.jpeg(portraits.portrait(seed, (480, 640)), 80) for seed in (1, 2, 3)]
    numbers = []
    for place in range(count):
        order = make_order(campaign, OrderState.PENDING_REVIEW)
        order.state_since = now() - timedelta(hours=40 - place)
        _picture(order.photo, pictures[place % 3])
        numbers.append(order.number)
    db.session.commit()
    return numbers


def _picture(photo: Photo | None, data: bytes) -> None:
    assert photo is not None and photo.rendition_key is not None
    storage().put(photo.rendition_key, data)
    storage().put(photo.rendition_key.replace("rendition", "preview"), data)
    photo.rendition_sha256 = hashlib.sha256(data).hexdigest()


def _sign_in(page: Page, installation: Installation, name: str) -> None:
    page.goto(f"{installation.url}/staff/sign-in")
    page.locator("#name").focus()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("审核队列")


def _shown(page: Page) -> Locator:
    """The panel on the screen, once its photo is painted."""
    ready = page.locator("#panel .panel[data-ready='1']:not(.sending)")
    expect(ready).to_have_count(1)
    return ready


def _number(page: Page) -> str:
    return str(_shown(page).get_attribute("data-order"))


def _expect(page: Page, number: str) -> None:
    expect(page.locator(f"#panel [data-order='{number}'][data-ready='1']")).to_have_count(1)


def _settled(page: Page, decided: int) -> None:
    """Decisions travel in the background: wait until this many are listed, or the ten that fit."""
    expect(page.locator("#recent li:not(.muted)")).to_have_count(min(decided, 10))


def _state(number: str) -> tuple[str, list[str]]:
    db.session.rollback()
    order = db.session.query(Order).filter_by(number=number).one()
    last = db.session.get(Decision, order.decision_id) if order.decision_id else None
    return order.state, [reason.code for reason in last.reasons] if last else []


def test_thirty_photos_by_keyboard_alone(installation: Installation, open_page: Any, orders: list[str]) -> None:
    page, other = open_page(DESKTOP), open_page(DESKTOP)
    _sign_in(page, installation, "first")
    page.locator("#start").focus()
    page.keyboard.press("Enter")
    _approve_eight(page, orders)
    _keys_do_nothing_while_typing(page, orders[8])
    _reject_for_two_reasons(page, orders[8])
    _undo_and_decide_again(page, orders)
    _skip_and_back(page, orders)
    _conflict(page, orders)
    _sign_in(other, installation, "second")
    _take_over(page, other, installation)
    _gallery(other, installation)
    shown = db.session.query(PhotoView).filter_by(purpose="review").count()
    assert shown >= 14  # each panel that was on the screen, and none of those that were only fetched ahead


def _approve_eight(page: Page, orders: list[str]) -> None:
    for place in range(8):
        _expect(page, orders[place])
        page.keyboard.press("a")
    _expect(page, orders[8])
    _settled(page, 8)
    assert {_state(number)[0] for number in orders[:8]} == {"pending_production"}


def _keys_do_nothing_while_typing(page: Page, number: str) -> None:
    page.keyboard.press("m")
    page.keyboard.type("a r n")
    page.keyboard.press("Enter")  # would press the form's first button, which approves
    page.keyboard.press("m")
    page.keyboard.type(" u")
    page.keyboard.press("Escape")
    page.locator("#panel [name=reason]").first.focus()
    page.keyboard.press("Enter")
    silent = {"c": "没有未识别", "h": "没有上一版", "t": "没有别人", "e": "没有换过背景", "s": "没有建议"}
    for key, why in silent.items():
        page.keyboard.press(key)
        expect(page.locator("#say")).to_contain_text(why)
    page.keyboard.press("g")
    expect(page.locator("#say")).to_be_hidden()
    page.keyboard.press("g")
    for chord in ("Control+a", "Alt+r", "Shift+N"):
        page.keyboard.press(chord)
    page.keyboard.press("r")  # without a reason nothing is sent
    expect(page.locator("#say")).to_contain_text("请先选择驳回原因")
    _expect(page, number)
    expect(page.locator("#panel [name=note]")).to_have_value("a r n u")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_hidden()
    assert _state(number)[0] == "pending_review"


def _reject_for_two_reasons(page: Page, number: str) -> None:
    for key in ("1", "3", "5", "5"):  # the last press takes it back
        page.keyboard.press(key)
    page.keyboard.press("r")
    _settled(page, 9)
    assert _state(number) == ("rejected", ["background", "pose"])


def _undo_and_decide_again(page: Page, orders: list[str]) -> None:
    _expect(page, orders[9])
    page.keyboard.press("u")
    _expect(page, orders[8])
    expect(page.locator("#say")).to_contain_text("已撤销")
    assert _state(orders[8])[0] == "pending_review"
    page.keyboard.press("a")
    _expect(page, orders[9])  # where the reviewer was before
    _settled(page, 9)
    assert _state(orders[8])[0] == "pending_production"


def _skip_and_back(page: Page, orders: list[str]) -> None:
    page.keyboard.press("n")
    _expect(page, orders[10])
    page.keyboard.press("b")
    _expect(page, orders[9])
    for key, name in (("g", "ruler"), ("f", "faults"), ("z", "zoom"), ("o", "original")):
        page.keyboard.press(key)
        expect(page.locator(f"#panel .stage[data-{name}='1']")).to_have_count(1)
    page.keyboard.press("o")
    page.keyboard.press("a")
    _expect(page, orders[10])


def _conflict(page: Page, orders: list[str]) -> None:
    """Somebody else decides what is on the screen: one sentence, the fresh panel, nothing decided twice."""
    _settled(page, 10)
    db.session.rollback()
    colleague = db.session.query(Staff).filter_by(name="second").one()
    order = db.session.query(Order).filter_by(number=orders[10]).one()
    decisions.decide(colleague, Seen(order.id, order.version, order.photo_id or 0), Judgement("approved"))
    page.keyboard.press("a")
    expect(page.locator("#say")).to_contain_text("刚刚已被更新")
    _expect(page, orders[10])
    expect(page.locator("#panel .judge .head")).to_contain_text("待制作")
    db.session.rollback()
    assert db.session.query(Decision).filter_by(order_id=order.id).count() == 1
    page.keyboard.press("n")
    _expect(page, orders[11])


def _take_over(page: Page, other: Page, installation: Installation) -> None:
    number = _number(page)
    other.goto(f"{installation.url}/review/orders/{number}/desk")
    expect(other.locator("#panel .caution")).to_contain_text("first 正在审核这张照片")
    other.keyboard.press("4")
    region = other.locator("#panel [name=region-expression]")
    region.evaluate("field => { field.value = '100,100,50,40'; }")
    other.keyboard.press("t")
    expect(other.locator("#panel .caution")).to_have_count(0)
    _shown(other)
    expect(region).to_have_value("100,100,50,40")  # nothing ticked, typed or drawn is lost
    other.keyboard.press("r")
    _settled(other, 2)
    page.keyboard.press("a")
    expect(page.locator("#say")).to_contain_text("刚刚已被更新")
    assert _state(number) == ("rejected", ["expression"])


def _gallery(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/review/gallery?size=12")
    shown = page.locator(".gallery label")
    expect(shown).to_have_count(12)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")  # on a photo: shows where all are approved, and approves nothing
    expect(page.get_by_role("button", name="全部通过")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("x")
    expect(page.locator("[data-out]")).to_have_text("1")
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    expect(page.locator("[data-unseen]")).to_have_text("0")
    out = page.locator(".gallery input:checked").get_attribute("value")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="全部通过")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("已通过 10 张")
    expect(page.locator(".card")).to_contain_text("抽检：1 张")
    db.session.rollback()
    assert db.session.get_one(Order, int(out or 0)).state == "pending_review"
    page.get_by_role("button", name="20 秒内可全部撤销").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".flash")).to_contain_text("已撤销 10 张")
    db.session.rollback()
    assert db.session.query(Decision).filter(Decision.kind == "bulk", Decision.undone_at.is_(None)).count() == 0


def _much(order: Order, faults: int) -> None:
    """As much as an order can have to show: faults, versions, decisions, long words."""
    assert order.photo is not None and order.form is not None
    order.form.name, order.form.college = LONG_NAME, "马克思主义学院（思想政治理论课教学科研部）"
    old = [make_photo(order) for _ in range(3)]
    for photo in old:
        _picture(photo, portraits.jpeg(portraits.portrait(4, (480, 640)), 80))
    for place, photo in enumerate([order.photo, *old]):
        for number, code in enumerate(sorted(LABELS)):
            verdict = "fail" if number < faults - place else "pass"
            db.session.add(PhotoCheck(photo_id=photo.id, code=code, verdict=verdict, value=12.3, unit="px", low=50,
                                      high=110, region=[100, 100, 90, 60]))  # fmt: skip
    rejected = make_decision(order, "rejected")
    rejected.photo_id = old[0].id
    rejected.reasons = decisions.rejections.rows(
        decisions.Told(("background", "light", "pose", "expression", "name", "code")), old[0]
    )
    order.decision_id = rejected.id
    db.session.commit()


def test_the_place_of_a_warning_stays_visible(app: Flask, open_page: Any) -> None:
    order = db.session.query(Order).filter_by(number=_waiting(1)[0]).one()
    reviewer = db.session.query(Staff).filter_by(name="first").one()
    for code, verdict in (("headwear", "warn"), ("mouth", "fail")):
        db.session.add(PhotoCheck(photo_id=order.photo_id, code=code, verdict=verdict, value=0.2, unit="", high=0.07,
                                  fault="covered", region=[100, 50, 200, 120]))  # fmt: skip
    db.session.commit()
    with served(app) as url:
        page = signed_in(open_page(DESKTOP), app, url, reviewer)
        page.goto(f"{url}/review/orders/{order.number}/desk")
        _shown(page)
        page.keyboard.press("f")
        for verdict in ("warn", "fail"):
            place = page.locator(f"#panel .frame.rendition .faults rect.{verdict}")
            expect(place).to_have_css("fill", "none")


def test_a_wrong_number_under_the_gallery_is_told_there(app: Flask, open_page: Any) -> None:
    _waiting(17)
    reviewer = db.session.query(Staff).filter_by(name="first").one()
    with served(app) as url:
        page = signed_in(open_page(DESKTOP), app, url, reviewer)
        page.goto(f"{url}/review/gallery")
        expect(page.locator(".gallery label")).to_have_count(17)
        page.keyboard.press("x")
        page.keyboard.press("Enter")
        page.keyboard.type("3")
        page.keyboard.press("Enter")
        told = page.locator("[name=typed]").evaluate("field => field.validationMessage")
        assert told.endswith("应为 16")
        expect(page.locator(".gallery input:checked")).to_have_count(1)  # still there, and nothing is forgotten
        page.keyboard.press("Control+a")
        page.keyboard.type("16")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("已通过")


HIDDEN = """() => ["html", "body", "main", ".judge", ".findings.fine", ".who-is", "#recent", ".before", ".decide"]
    .map((name) => [name, document.querySelector(name)])
    .filter(([, node]) => node && node.scrollHeight > node.clientHeight + 1)
    .map(([name, node]) => `${name}: ${node.scrollHeight} > ${node.clientHeight}`)"""


@pytest.mark.parametrize("faults", [0, 6, 12])
def test_there_is_nothing_to_scroll(app: Flask, open_page: Any, faults: int) -> None:
    orders = _waiting(14)
    order = db.session.query(Order).filter_by(number=orders[0]).one()
    reviewer = db.session.query(Staff).filter_by(name="first").one()
    if faults:
        _much(order, faults)
    for number in orders[1:12]:
        one = db.session.query(Order).filter_by(number=number).one()
        one.form.name = LONG_NAME  # type: ignore[union-attr]
        db.session.commit()
        decisions.decide(reviewer, Seen(one.id, one.version, one.photo_id or 0), Judgement("approved"))
    locale = "en" if faults == 6 else "zh"  # English words are longer
    with served(app) as url:
        for size in (DESKTOP, {"width": 1920, "height": 950}):
            page = signed_in(open_page(size), app, url, reviewer, locale)
            page.goto(f"{url}/review/orders/{orders[0]}/desk")
            _shown(page)
            assert page.evaluate(HIDDEN) == []
            assert page.locator("#panel .photo").bounding_box()["height"] >= 500
