"""Every route as stranger, other student and wrong role: refused. Over the URL map, so a new route is in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.models import Account, Staff
from app.rules.states import OrderState, Role
from tests.factories import Cast, make_order, make_staff, sign_in

PUBLIC = {
    "site.home", "site.campaign", "site.choose_campaign", "site.find_school", "site.requirements", "site.privacy",
    "site.locale", "sign_in.index", "sign_in.go", "sign_in.callback", "staff.sign_in", "staff.enter", "pay.notify",
    "demo.index", "demo.sample", "demo.staff", "demo.student", "static", "ops.alive",
    "downloads.link", "downloads.fetch",
}  # fmt: skip
"""Nothing else answers a stranger; a new public route has to be named here."""


def _routes(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("rq_dashboard.static")]


def _address(app: Flask, rule: Rule, number: str) -> str:
    samples: dict[str, Any] = {
        "number": number, "code": "T0", "name": "reviewer1", "token": "x", "kind": None, "action": None,
        "queue": "precheck", "job_id": "x", "filename": "x", "path": "x",
    }  # fmt: skip
    values = {}
    for name in rule.arguments:
        converter = rule._converters.get(name)
        items = getattr(converter, "items", None)
        if items:
            values[name] = sorted(items)[0]
        elif converter is None or converter.__class__.__name__ == "IntegerConverter":
            values[name] = 1
        else:
            values[name] = samples.get(name) or "x"
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(rule.endpoint, values, force_external=False))


def _method(rule: Rule) -> str:
    return "GET" if "GET" in (rule.methods or ()) else "POST"


def test_a_stranger_is_refused_everywhere_but_at_the_named_doors(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    open_to_all = set()
    for rule in _routes(app):
        answer = app.test_client().open(_address(app, rule, order.number), method=_method(rule))
        if answer.status_code not in (401, 303) or (answer.status_code == 303 and "sign-in" not in answer.location):
            open_to_all.add(rule.endpoint)
    assert open_to_all <= PUBLIC


@pytest.mark.parametrize("role", list(Role))
def test_the_wrong_role_is_refused(app: Flask, cast: Cast, role: Role) -> None:
    if role is Role.SYSTEM:
        return
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    who: Account | Staff = cast.other_student if role is Role.STUDENT else make_staff(role, cast.school)
    client = sign_in(app.test_client(), who)
    for rule in _routes(app):
        view = app.view_functions[rule.endpoint]
        wanted = getattr(view, "roles", frozenset({Role.ADMIN}) if rule.endpoint.startswith("rq_") else None)
        if wanted is None or role in wanted:
            continue
        answer = client.open(_address(app, rule, order.number), method=_method(rule))
        assert answer.status_code == 403, f"{role} at {rule.endpoint}: {answer.status_code}"


WITHOUT_TOKEN = {
    "pay.notify": "WeChat signs it",
    "rq_dashboard": "has no tokens: the sender has to be one of our pages",
}
"""What may be posted without our forms' token, and what stands in its place."""


def test_nothing_is_changed_without_the_forms_token(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    people = {role: make_staff(role) for role in Role if role not in (Role.STUDENT, Role.SYSTEM)}
    app.config["WTF_CSRF_ENABLED"] = True
    tried = 0
    for rule in _routes(app):
        if "POST" not in (rule.methods or ()) or {rule.endpoint, rule.endpoint.split(".")[0]} & WITHOUT_TOKEN.keys():
            continue
        allowed = sorted(getattr(app.view_functions[rule.endpoint], "roles", {Role.STUDENT}))
        client = sign_in(app.test_client(), people.get(allowed[0], cast.student))
        answer = client.post(_address(app, rule, order.number))
        assert answer.status_code == 400 and "页面已过期，请刷新后重试" in answer.text, rule.endpoint
        tried += 1
    assert tried > 80


def test_another_student_finds_nothing_of_an_order(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    client = sign_in(app.test_client(), cast.other_student)
    reached = 0
    for rule in _routes(app):
        if "number" not in rule.arguments or rule.endpoint.split(".")[0] not in ("student", "pay"):
            continue
        answer = client.open(_address(app, rule, order.number), method=_method(rule), data={"version": 1})
        assert answer.status_code == 404, rule.endpoint
        reached += 1
    assert reached > 15


def test_a_liaison_sees_only_their_own_school(app: Flask, cast: Cast) -> None:
    from tests.factories import make_campaign, make_school

    other = make_campaign(make_school("10002", name="另一大学"))
    foreign = make_order(other, OrderState.PENDING_REVIEW)
    client = sign_in(app.test_client(), cast.liaison)
    assert client.get(f"/schools/campaigns/{cast.campaign.code}").status_code == 200
    assert client.get(f"/schools/campaigns/{other.code}").status_code == 404
    assert client.get(f"/review/orders/{foreign.number}").status_code == 404
    assert f"/review/orders/{foreign.number}" not in client.get(f"/review/search?q={foreign.number}").text


def test_a_staff_picture_address_works_for_one_person_only(app: Flask, cast: Cast) -> None:
    make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    client = sign_in(app.test_client(), cast.reviewer)
    page = client.get("/review/desk").text
    address = re.search(r'class="photo"\s+src="([^"]+)"', page)[1]
    assert client.get(address).status_code == 200
    other = sign_in(app.test_client(), cast.other_reviewer)
    assert other.get(address).status_code == 404
    assert client.get(address[:-2] + "xx").status_code == 404
