"""Signing in over HTTP: what opens, what stays shut, what a session is worth after it was ended."""

from __future__ import annotations

import re

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import db
from app.models import Staff
from app.rules.states import STAFF_ROLES, Role
from app.services.access import known_browsers, staff, throttle
from app.views.staff import HOMES
from tests.factories import Cast, make_staff, sign_in

SECRET = "correct-horse-9"


def _enter(client: FlaskClient, name: str, password: str = SECRET, **more: str):  # type: ignore[no-untyped-def]
    return client.post("/staff/sign-in", data={"name": name, "password": password, **more})


def test_sign_in_leads_to_the_first_page_or_back_where_one_came_from(app: Flask) -> None:
    staff.create("zhang", ["lead"], [], SECRET)
    assert _enter(app.test_client(), "zhang").location == "/staff/"
    assert _enter(app.test_client(), "zhang", next="/review/figures").location == "/review/figures"
    for elsewhere in ("https://example.com/", "//example.com", "/\\example.com"):
        assert _enter(app.test_client(), "zhang", next=elsewhere).location == "/staff/"


def test_a_wrong_password_says_nothing_about_which_part_was_wrong(app: Flask) -> None:
    staff.create("zhang", ["lead"], [], SECRET)
    answers = {re.sub(r'value="[^"]*"', "", _enter(app.test_client(), name, "wrong").text) for name in ("zhang", "li")}
    assert len(answers) == 1
    assert "不正确" in answers.pop()


def test_throttling_answers_429_and_keeps_the_form(app: Flask) -> None:
    staff.create("zhang", ["lead"], [], SECRET)
    for _ in range(throttle.PER_ACCOUNT):
        assert _enter(app.test_client(), "zhang", "wrong").status_code == 422
    answer = _enter(app.test_client(), "zhang")
    assert answer.status_code == 429
    assert 'name="password"' in answer.text


def test_nobody_locks_a_colleague_out_of_their_own_browser(app: Flask) -> None:
    for name in ("zhang", "li"):
        staff.create(name, ["lead"], [], SECRET)
    own, stranger = app.test_client(), app.test_client()
    for name in ("zhang", "li"):  # two who share a machine
        cookie = _enter(own, name).headers.getlist("Set-Cookie")
        own.post("/staff/sign-out")
    assert any("known=" in one and "HttpOnly" in one and "SameSite=Strict" in one for one in cookie)
    for _ in range(throttle.PER_ADDRESS + 1):
        _enter(stranger, "zhang", "wrong")
    assert _enter(stranger, "zhang").status_code == 429
    assert [_enter(own, name).status_code for name in ("zhang", "li")] == [303, 303]
    assert _enter(stranger, "zhang").status_code == 429  # their tries were not forgiven


def test_a_known_browser_is_counted_too_and_only_for_its_own_name(app: Flask) -> None:
    for name in ("zhang", "li"):
        staff.create(name, ["lead"], [], SECRET)
    thief = app.test_client()
    _enter(thief, "zhang")
    thief.post("/staff/sign-out")
    for name in ("zhang", "li"):
        for _ in range(throttle.PER_ACCOUNT):
            assert _enter(thief, name, "wrong").status_code == 422
        assert _enter(thief, name).status_code == 429
    assert _enter(app.test_client(), "zhang").status_code == 303


@pytest.mark.parametrize("cookie", ["x", "e30.aaaa.bbbb", "é", "." * 4000])
def test_a_made_up_mark_is_none(app: Flask, cookie: str) -> None:
    with app.test_request_context():
        assert known_browsers.mark_of(cookie, "zhang") == ""
        assert known_browsers.mark_of(known_browsers.with_mark(cookie, "zhang"), " ＺＨＡＮＧ") != ""


def test_a_browser_remembers_five_names(app: Flask) -> None:
    kept = ""
    with app.test_request_context():
        for number in range(7):
            kept = known_browsers.with_mark(kept, f"name{number}")
        assert [bool(known_browsers.mark_of(kept, f"name{n}")) for n in range(7)] == [False] * 2 + [True] * 5
        assert len(kept) < 1000


def test_wrong_tries_from_outside_do_not_stop_a_change_of_password(app: Flask) -> None:
    person = staff.create("zhang", ["lead"], [], SECRET)
    client = sign_in(app.test_client(), person)
    for _ in range(throttle.PER_ACCOUNT + 1):
        _enter(app.test_client(), "zhang", "wrong")
    data = {"current": SECRET, "password": "battery-staple-9", "again": "battery-staple-9"}
    assert client.post("/staff/account/password", data=data).status_code == 303


def test_a_forwarded_address_is_not_believed_without_a_proxy_of_ours(app: Flask) -> None:
    for number in range(throttle.PER_ADDRESS):
        throttle.attempt(f"nobody{number}", "127.0.0.1")
    answer = app.test_client().post(
        "/staff/sign-in", data={"name": "x", "password": "y"}, headers={"X-Forwarded-For": "8.8.8.8"}
    )
    assert answer.status_code == 429


def test_behind_a_proxy_of_ours_the_address_is_the_one_it_saw(make_app) -> None:  # type: ignore[no-untyped-def]
    app = make_app(PROXIES=1)
    with app.app_context():
        staff.create("zhang", ["lead"], [], SECRET)
        forged = {"X-Forwarded-For": "1.1.1.1, 203.0.113.9"}  # the left one the client made up
        app.test_client().post("/staff/sign-in", data={"name": "zhang", "password": SECRET}, headers=forged)
        from app.services.access import staff_sessions

        [row] = staff_sessions.live(db.session.query(Staff).one().id)
        assert row.address == "203.0.113.9"


def test_a_first_password_opens_only_the_way_to_change_it(app: Flask) -> None:
    admin = make_staff(Role.ADMIN)
    page = sign_in(app.test_client(), admin).post("/admin/staff", data={"name": "li", "roles": "lead"})
    password = re.search(r'class="secret">([^<]+)<', page.text)[1]
    client = app.test_client()
    assert _enter(client, "li", password).status_code == 303
    assert client.get("/review/").location == "/staff/account"
    assert client.post("/review/search").location == "/staff/account"
    assert "第一次登录" in client.get("/staff/account").text
    data = {"current": password, "password": SECRET, "again": SECRET}
    assert client.post("/staff/account/password", data=data | {"current": "wrong"}).status_code == 422
    assert client.post("/staff/account/password", data=data).status_code == 303
    assert client.get("/review/").status_code == 200


def test_the_first_password_is_in_no_cookie_and_not_shown_again(app: Flask) -> None:
    client = sign_in(app.test_client(), make_staff(Role.ADMIN))
    answer = client.post("/admin/staff", data={"name": "li", "roles": "lead"})
    password = re.search(r'class="secret">([^<]+)<', answer.text)[1]
    with client.session_transaction() as session:
        assert password not in str(dict(session))
    assert password not in client.get("/admin/").text


def test_enrolment_shows_a_qr_code_and_is_proven_by_a_code(app: Flask) -> None:
    app.config["TOTP_REQUIRED"] = True
    staff.create("zhang", ["lead"], [], SECRET)
    client = app.test_client()
    _enter(client, "zhang")
    assert client.get("/review/").location == "/staff/account"
    page = client.get("/staff/account/second-factor").text
    assert "<svg" in page
    assert "style=" not in page
    secret = re.search(r"<code[^>]*>([A-Z2-7]+)<", page)[1]
    wrong = client.post("/staff/account/second-factor", data={"code": "000000"})
    assert wrong.status_code == 422
    assert secret in wrong.text  # the same secret: what was scanned stays good
    codes = client.post("/staff/account/second-factor", data={"code": pyotp.TOTP(secret).now()}).text
    assert len(re.findall(r"<li>\w{5}-\w{5}</li>", codes)) == 10
    assert client.get("/review/").status_code == 200
    assert client.get("/staff/account/second-factor").location == "/staff/account"  # the secret is not shown again
    assert _enter(app.test_client(), "zhang").status_code == 422
    recovery = re.search(r"<li>(\w{5}-\w{5})</li>", codes)[1]
    assert _enter(app.test_client(), "zhang", code=recovery).status_code == 303


def test_an_ended_session_is_over_with_the_next_request(app: Flask, cast: Cast) -> None:
    one, two = sign_in(app.test_client(), cast.reviewer), sign_in(app.test_client(), cast.reviewer)
    page = one.get("/staff/account").text
    other = re.search(r"/staff/account/sessions/(\d+)/end", page)[1]
    assert one.post(f"/staff/account/sessions/{other}/end").status_code == 303
    assert two.get("/review/").status_code == 303
    assert one.get("/review/").status_code == 200
    admin = sign_in(app.test_client(), cast.admin)
    assert admin.post(f"/admin/staff/{cast.reviewer.id}/deactivate").status_code == 303
    assert "sign-in" in one.get("/review/").location


def test_signing_out_kills_a_stolen_cookie_too(app: Flask, cast: Cast) -> None:
    client = sign_in(app.test_client(), cast.reviewer)
    with client.session_transaction() as session:
        stolen = dict(session)
    client.post("/staff/sign-out")
    thief = app.test_client()
    with thief.session_transaction() as session:
        session.update(stolen)
    assert "sign-in" in thief.get("/review/").location


BARS = {
    Role.REVIEWER: ["/review/", "/review/gallery", "/review/figures"],
    Role.LEAD: ["/review/", "/review/gallery", "/review/figures", "/review/reasons", "/requests/", "/ops/"],
    Role.PRODUCER: ["/production/", "/onsite/"],
    Role.SCHOOL: ["/schools/"],
    Role.FINANCE: ["/finance/"],
    Role.ADMIN: [
        "/review/figures", "/review/reasons", "/requests/", "/production/", "/onsite/", "/schools/", "/finance/",
        "/rules/", "/admin/", "/admin/audit", "/ops/",
    ],
}  # fmt: skip


@pytest.mark.parametrize("role", STAFF_ROLES)
def test_the_bar_shows_each_role_its_pages_and_every_one_opens(app: Flask, cast: Cast, role: Role) -> None:
    client = sign_in(app.test_client(), make_staff(role, cast.school))
    page = client.get(client.get("/staff/").location).text
    links = re.findall(r'href="([^"]+)"', re.search(r"<nav.*?</nav>", page, re.S)[0])
    assert links == BARS[role]
    for link in links:
        assert client.get(link).status_code == 200, link


def test_every_role_has_a_first_page() -> None:
    assert [role for role, _endpoint in HOMES] == list(STAFF_ROLES)


def test_the_log_is_filtered_by_who_what_about_what_and_when(app: Flask, cast: Cast) -> None:
    client = sign_in(app.test_client(), cast.admin)
    for person in (cast.reviewer, cast.lead):
        client.post(f"/admin/staff/{person.id}/end", data={"cause": f"for {person.id}"})
    rows = client.get(f"/admin/audit?subject=staff-{cast.lead.id}").text
    assert f"for {cast.lead.id}" in rows
    assert f"for {cast.reviewer.id}<" not in rows
    assert "for " not in client.get(f"/admin/audit?staff={cast.lead.id}").text
    assert "for " not in client.get("/admin/audit?action=staff.created").text
    assert "for " not in client.get("/admin/audit?until=2020-01-01").text
    assert "for " in client.get("/admin/audit?since=2020-01-01&until=rubbish&before=x").text
