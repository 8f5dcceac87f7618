"""A school's pages: its facts, who is where, downloads, and nothing of another school."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import db
from app.models import Audit, RosterEntry, School
from app.rules.states import OrderState, Role
from tests.factories import Cast, make_order, make_school, make_staff, sign_in
from tests.services.exports import approved, exported
from tests.views.test_access import _address, _method, _routes

FIELDS = {
    "code": "１０００３", "name": "新大学", "name_en": "New University", "active": "1",
    "campuses": "东校区\n西校区\n东校区", "colleges": "文学院：汉语2301、汉语2302\n文学院: 汉语2302\n理学院",
}  # fmt: skip


@pytest.fixture
def admin(app: Flask, cast: Cast) -> FlaskClient:
    return sign_in(app.test_client(), cast.admin)


@pytest.fixture
def liaison(app: Flask, cast: Cast) -> FlaskClient:
    return sign_in(app.test_client(), cast.liaison)


def test_a_school_is_made_and_changed_under_its_code(admin: FlaskClient) -> None:
    assert admin.post("/schools/new", data=FIELDS).status_code == 303
    found = db.session.query(School).filter_by(code="10003").one()
    assert (found.campuses, found.colleges) == (
        ["东校区", "西校区"],
        {"文学院": ["汉语2301", "汉语2302"], "理学院": []},
    )
    twice = admin.post("/schools/new", data=FIELDS)
    assert twice.status_code == 422 and 'id="code-fault">这个学校代码已经存在' in twice.text
    assert admin.post("/schools/10003/edit", data=FIELDS | {"code": "99999", "name": "改名"}).status_code == 303
    db.session.expire_all()
    assert [one.name for one in db.session.query(School).filter(School.code.in_(["10003", "99999"]))] == ["改名"]


def test_a_fault_keeps_what_was_typed(admin: FlaskClient) -> None:
    answer = admin.post("/schools/new", data=FIELDS | {"code": "123", "campuses": " ", "name": "=1+1"})
    assert answer.status_code == 422
    assert all(f'id="{name}-fault"' in answer.text for name in ("code", "campuses", "name"))
    assert 'value="=1+1"' in answer.text and "理学院" in answer.text
    assert db.session.query(School).count() == 1


@pytest.fixture
def three(cast: Cast) -> list[str]:
    """Student numbers: one done, one rejected, one only expected."""
    orders = [make_order(cast.campaign, state) for state in (OrderState.COMPLETED, OrderState.REJECTED)]
    db.session.add(RosterEntry(campaign_id=cast.campaign.id, student_no="0000000009", name="=陈未来", college="理学院"))
    db.session.commit()
    return [*(order.form.student_no for order in orders if order.form), "0000000009"]


@pytest.mark.parametrize(
    ("stage", "holds"),
    [("unfinished", [1, 2]), ("not_begun", [2]), ("rejected", [1]), ("done", [0]), ("pending_review", [])],
)
def test_a_stage_lists_its_students_on_the_page_and_in_the_file(
    liaison: FlaskClient, cast: Cast, three: list[str], stage: str, holds: list[int]
) -> None:
    address = f"/schools/campaigns/{cast.campaign.code}"
    page = liaison.get(f"{address}/students/{stage}").text
    assert [number in page for number in three] == [position in holds for position in range(3)]
    rows = list(csv.reader(io.StringIO(liaison.get(f"{address}/download/{stage}.csv").data.decode("utf-8-sig"))))
    assert sorted(row[2] for row in rows[1:]) == sorted(three[position] for position in holds)
    assert not any(cell.startswith("=") for row in rows for cell in row)
    noted = db.session.query(Audit).filter_by(action="students.downloaded").one()
    assert (noted.staff_id, noted.subject, noted.cause) == (cast.liaison.id, f"campaign-{cast.campaign.id}", stage)


def test_what_is_no_stage_is_not_found(liaison: FlaskClient, cast: Cast) -> None:
    address = f"/schools/campaigns/{cast.campaign.code}"
    for wrong in ("students/everybody", "download/everybody.csv", "download/classes.pdf"):
        assert liaison.get(f"{address}/{wrong}").status_code == 404
    assert db.session.query(Audit).count() == 0  # what was refused was not downloaded


def test_the_page_that_compares_gets_numbers_and_states_only(
    liaison: FlaskClient, cast: Cast, three: list[str]
) -> None:
    answer = liaison.get(f"/schools/campaigns/{cast.campaign.code}/numbers").json
    assert answer == {"numbers": {three[0]: "completed", three[1]: "rejected"}}


OF_SCHOOLS = ("schools", "campaigns", "rosters", "delivery", "onsite", "production")


@pytest.mark.parametrize("role", [Role.SCHOOL, Role.PRODUCER])
def test_nothing_of_another_school_is_found(app: Flask, cast: Cast, role: Role) -> None:
    """Over the URL map, so that a new page of a campaign or a batch is in it."""
    approved(cast, 1)
    number, code = exported(cast).number, cast.campaign.code
    stranger = sign_in(app.test_client(), make_staff(role, make_school("10002", name="另一大学")))
    reached = 0
    for rule in _routes(app):
        roles = getattr(app.view_functions[rule.endpoint], "roles", ())
        if (
            role not in roles
            or rule.endpoint.split(".")[0] not in OF_SCHOOLS
            or not {"number", "code"} & rule.arguments
        ):
            continue
        address = _address(app, rule, number).replace("/T0", f"/{code}")
        answer = stranger.open(address, method=_method(rule), data={"cause": "x", "receiver": "x", "days": "1"})
        assert answer.status_code == 404, rule.endpoint
        reached += 1
    assert reached >= 8
