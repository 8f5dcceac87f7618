"""Every page that exists, fetched by somebody who may see it, in both languages; the client looks closely at each."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.models import Account, Staff
from app.rules.states import OrderState, Role
from tests.factories import Cast, make_order, make_requests, sign_in
from tests.pages import faults
from tests.views.test_access import _address, _routes

ELSEWHERE = {
    "static", "site.campaign", "sign_in.callback", "student.picture", "review.picture",
    "downloads.batch", "downloads.note", "downloads.link",
    "ops.alive",
}  # fmt: skip
"""Routes that need what this cast lacks; their own tests fetch them."""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_sound(app: Flask, cast: Cast, language: str) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    make_order(cast.campaign, OrderState.PENDING_REVIEW)
    make_requests(order)
    people = {role.value: getattr(cast, name) for role, name in _names().items()}
    broken: dict[str, int] = {}
    for rule in _routes(app):
        if "GET" not in (rule.methods or ()) or rule.endpoint in ELSEWHERE or rule.endpoint.startswith("rq_"):
            continue
        wanted = getattr(app.view_functions[rule.endpoint], "roles", None)
        who: Account | Staff = people[sorted(wanted)[0]] if wanted else cast.student
        client = sign_in(app.test_client(), who)
        client.post("/locale", data={"locale": language, "next": "/"})
        answer = client.get(_address(app, rule, order.number))
        if answer.status_code >= 500:
            broken[rule.endpoint] = answer.status_code
    assert not broken


def _names() -> dict[Role, str]:
    return {
        Role.STUDENT: "student", Role.REVIEWER: "reviewer", Role.LEAD: "lead", Role.PRODUCER: "producer",
        Role.SCHOOL: "liaison", Role.FINANCE: "finance", Role.ADMIN: "admin",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<p>fine</p>", None),
        ("<p>open<div></p></div>", "unexpected-end-tag"),
        ('<b id="a"></b><b id="a"></b>', "id a stands twice"),
        ('<p style="color:red">x</p>', "inline style"),
        ('<p onclick="x()">x</p>', "inline onclick"),
        ("<script>1</script>", "inline <script>"),
        ('<form method="post" action="/x"></form>', "without csrf_token"),
        ("<!doctype html><html><title>t</title><h1>x</h1></html>", "no lang"),
        ('<!doctype html><html lang="zh"><title></title><h1>x</h1></html>', "no title"),
        ('<!doctype html><html lang="zh"><title>t</title><h1>x</h1><h1>y</h1></html>', "2 h1"),
    ],
)
def test_the_closer_look_sees(page: str, fault: str | None) -> None:
    found: Any = faults(page)
    assert (found == []) if fault is None else any(fault in one for one in found)
