"""Rule versions made in the console: never changed, in force for new photos only."""

from __future__ import annotations

import pytest
from flask import Flask

from app.extensions import db
from app.models import Campaign, Rule
from app.rules.faults import Invalid, NotFound
from app.rules.photo_rule import rule_from_json
from app.rules.states import OrderState
from app.services.photos import rules
from app.services.submissions.photo import add_photo
from tests.factories import JPEG, Cast, make_order, sign_in

CAUSE = {"cause": "学校要求"}
STRICTER = {"limits.roll.fail.0": "-6", "limits.roll.fail.1": "6", **CAUSE}


@pytest.fixture
def source(app: Flask, cast: Cast) -> Rule:
    """The version that the campaign uses."""
    return db.session.get_one(Rule, cast.campaign.rule_id)


def test_a_version_comes_from_an_old_one_and_the_old_one_stays(cast: Cast, source: Rule) -> None:
    before, source_id, version = dict(source.body), source.id, source.version
    made = rules.make(source_id, STRICTER, cast.admin)
    assert (made.code, made.version, made.made_from_id, made.staff_id) == (
        "chsi-2017",
        version + 1,
        source_id,
        cast.admin.id,
    )
    assert rule_from_json(made.body).limit("roll").fail == (-6, 6)
    assert db.session.get_one(Rule, source_id).body == before
    assert rules.latest().id == made.id


def test_another_code_starts_a_rule_of_its_own(cast: Cast, source: Rule) -> None:
    made = rules.make(source.id, STRICTER | {"code": "example-2027"}, cast.admin)
    assert (made.code, made.version, made.body["code"]) == ("example-2027", 1, "example-2027")
    assert rules.version("example-2027", 1).id == made.id
    with pytest.raises(NotFound):
        rules.version("example-2027", 2)


@pytest.mark.parametrize(
    "texts", [CAUSE, {"limits.roll.fail.0": "-6"}, STRICTER | {"limits.roll.fail.1": "-7"}, STRICTER | {"code": "Ä"}]
)
def test_no_change_no_cause_and_contradictions_make_no_version(cast: Cast, source: Rule, texts: dict[str, str]) -> None:
    if "limits.roll.fail.0" not in texts:  # the row as the console would have made it
        rules.make(source.id, STRICTER, cast.admin)
        source = rules.latest()
    count = db.session.query(Rule).count()
    with pytest.raises(Invalid):
        rules.make(source.id, texts, cast.admin)
    assert db.session.query(Rule).count() == count


def test_a_version_never_changes(source: Rule) -> None:
    source.body = source.body | {"code": "other"}
    with pytest.raises(TypeError):
        db.session.commit()
    db.session.rollback()


def test_it_holds_for_new_photos_only(app: Flask, cast: Cast, source: Rule) -> None:
    """A draft's next photo is judged by the new version; an order that was submitted keeps what it froze."""
    old_id = source.id
    draft = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    rejected = make_order(cast.campaign, OrderState.REJECTED, account=cast.other_student)
    judged = draft.photo_id
    made = rules.make(old_id, STRICTER, cast.admin).id
    db.session.get_one(Campaign, cast.campaign.id).rule_id = made
    db.session.commit()
    assert add_photo(cast.student.id, draft.number, JPEG + b"new", "album").rule_id == made
    assert add_photo(cast.other_student.id, rejected.number, JPEG + b"again", "album").rule_id == old_id
    assert db.session.get_one(type(draft), draft.id).photos[0].rule_id == old_id
    assert judged == db.session.get_one(type(draft), draft.id).photos[0].id


def test_the_console_shows_the_differences_before_it_makes_anything(app: Flask, cast: Cast, source: Rule) -> None:
    client = sign_in(app.test_client(), cast.admin)
    address = f"/rules/{source.code}/{source.version}/new"
    assert client.get("/rules/").status_code == client.get(address).status_code == 200
    page = client.post(address, data=STRICTER | {"what": "preview"}).text
    assert page.count("头部倾斜 · 判不合格") >= 2
    assert db.session.query(Rule).count() == 1
    wrong = client.post(address, data=STRICTER | {"limits.roll.fail.1": "-9", "what": "save"})
    assert wrong.status_code == 422
    assert 'value="-9"' in wrong.text  # what was typed is still there
    answer = client.post(address, data=STRICTER | {"what": "save"})
    assert answer.status_code == 303
    shown = client.get(answer.location).text
    assert "学校要求" in shown
    assert "-6" in shown
    same = client.post(f"/rules/{source.code}/2/new", data=CAUSE | {"what": "save"})
    assert same.status_code == 422
    assert "完全相同" in same.text
