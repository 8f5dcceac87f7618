"""axe finds nothing serious on any page, student's or staff's: over the URL map, so that a new page is in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Error

from app.extensions import db
from app.models import Account, PhotoView, Staff
from app.rules.states import OrderState
from app.services.review.reasons import seed_reasons
from app.services.unit import unit_of_work
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.site import served, signed_in, violations
from tests.factories import Cast, make_order, make_requests
from tests.views.test_access import _address, _routes
from tests.views.test_pages import ELSEWHERE, _names

STUDENT_STATES = tuple(OrderState)


def _look(page: Any, url: str, address: str, broken: dict[str, list[str]]) -> None:
    try:
        answer = page.goto(url + address)
    except Error as error:
        assert "Download is starting" in str(error), address
        return
    html = "text/html" in (answer.headers.get("content-type") or "")
    if html and answer.text().lstrip().lower().startswith("<!doctype") and (found := violations(page)):
        broken[address] = found


@pytest.mark.timeout(600)
def test_nothing_serious_on_any_page(app: Flask, cast: Cast, open_page: Any) -> None:
    seed_reasons()
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    make_order(cast.campaign, OrderState.PENDING_REVIEW)
    make_order(cast.campaign, OrderState.PENDING_PRODUCTION)
    make_requests(order)
    people = {role.value: getattr(cast, name) for role, name in _names().items()}
    pages, broken = {}, {}
    with served(app) as url:
        for rule in sorted(_routes(app), key=lambda rule: rule.rule):
            if "GET" not in (rule.methods or ()) or rule.endpoint in ELSEWHERE or rule.endpoint.startswith("rq_"):
                continue
            wanted = getattr(app.view_functions[rule.endpoint], "roles", None)
            role = sorted(wanted)[0] if wanted else "public"
            if role not in pages:
                who: Account | Staff | None = people.get(role)
                page = open_page(PHONE if role in ("student", "public") else DESKTOP)
                pages[role] = signed_in(page, app, url, who) if who else page
            _look(pages[role], url, _address(app, rule, order.number), broken)
        _look(pages["admin"], url, "/requests/codes/2", broken)
    assert not broken, json.dumps(broken, indent=1, ensure_ascii=False)


def test_nothing_serious_on_an_order_in_any_state(app: Flask, cast: Cast, open_page: Any) -> None:
    with served(app) as url:
        page, broken = signed_in(open_page(), app, url, cast.student), {}
        for state in STUDENT_STATES:
            order = make_order(cast.campaign, state, account=cast.student)
            if order.photo_id is not None:
                with unit_of_work():
                    db.session.add(PhotoView(photo_id=order.photo_id, staff_id=cast.reviewer.id, purpose="review"))
            _look(page, url, f"/orders/{order.number}", broken)
            with unit_of_work():
                db.session.get_one(type(order), order.id).state = OrderState.CANCELLED.value
        for address in ("/orders", "/me/views", "/me/data", "/no-such-page", "/c/NOPE"):
            _look(page, url, address, broken)
    assert not broken, json.dumps(broken, indent=1, ensure_ascii=False)
