"""Finding an order: by what people have at hand, in their own schools, by an index, with no trace in addresses."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text as sql

from app.extensions import db
from app.models import Audit, Form, Order, PhotoView
from app.rules.faults import Invalid, NotFound
from app.rules.states import OrderState, Role
from app.services import staff_search
from app.services.access import looks
from tests.factories import Cast, make_campaign, make_form, make_order, make_school, make_staff, sign_in


def _order(cast: Cast, **form: str) -> Order:
    order = make_order(cast.campaign, OrderState.PENDING_REVIEW)
    order.form_id = make_form(order, **form).id
    db.session.commit()
    return order


def _found(cast: Cast, text: str) -> list[str]:
    return [order.number for order in staff_search.find(cast.reviewer, text)]


def test_an_order_is_found_by_what_people_have_at_hand(any_app: Flask, any_cast: Cast) -> None:
    values = {"name": "买买提·吐尔逊", "student_no": "2023A0071", "id_no": "11010119900307123X", "phone": "13912345678"}
    number = _order(any_cast, **values).number
    _order(any_cast, name="王𠮷䶮")
    for typed in (
        number, number.lower(), f" {number} ", "买买提·吐尔逊", "买买提•吐尔逊", "买买提 · 吐尔逊", "2023A0071",
        "２０２３A0071", "123x", "123X", "13912345678", "139 1234 5678",
    ):  # fmt: skip
        assert _found(any_cast, typed) == [number], typed
    assert len(_found(any_cast, "王𠮷䶮")) == 1
    for typed in ("", " ", "买", "买买提", "2023", "1391234567", "23X", "%", "' OR 1=1 --"):
        assert _found(any_cast, typed) == [], typed


def test_only_the_form_in_force_is_found(app: Flask, cast: Cast) -> None:
    order = _order(cast, name="旧名字")
    order.form_id = make_form(order, name="新名字").id
    db.session.commit()
    assert _found(cast, "旧名字") == []
    assert _found(cast, "新名字") == [order.number]


def test_many_of_one_name_are_limited_the_newest_first(app: Flask, cast: Cast) -> None:
    numbers = [_order(cast, name="王伟").number for _ in range(staff_search.LIMIT + 2)]
    assert _found(cast, "王伟") == numbers[::-1][: staff_search.LIMIT]


def test_who_is_bound_to_a_school_finds_nothing_elsewhere(app: Flask, cast: Cast) -> None:
    other = make_order(make_campaign(make_school("10002", name="另一大学")), OrderState.PENDING_REVIEW)
    form = db.session.get_one(Form, other.form_id)
    bound = make_staff(Role.REVIEWER, cast.school)
    for typed in (other.number, form.student_no, form.phone, form.id_last4):
        assert other.number not in [order.number for order in staff_search.find(bound, typed)]
        assert other.number in [order.number for order in staff_search.find(cast.reviewer, typed)]
    with pytest.raises(NotFound):
        looks.unmask(bound, other.number, "a good cause")


def test_every_way_goes_by_an_index(any_app: Flask, any_cast: Cast) -> None:
    """At a million orders a scan takes seconds; with an index it makes no difference how many there are."""
    sqlite = db.engine.dialect.name == "sqlite"
    if not sqlite:
        db.session.execute(sql("SET enable_seqscan = off"))  # small tables would be scanned for good reason
    looked = [*staff_search.statements("1234"), *staff_search.statements("13912345678")]
    assert len(looked) == 6
    for statement in looked:
        compiled = statement.compile(db.engine, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        plan = " ".join(str(row[-1]) for row in db.session.execute(sql(f"{explain} {compiled}")))
        assert "USING INDEX ix_form_" in plan if sqlite else "ix_form_" in plan, plan
        assert "Seq Scan" not in plan
        assert not plan.startswith("SCAN")


@pytest.mark.parametrize(
    "typed", ["1234", "123X", "13912345678", "139 1234 5678", "+85291234567", "110101199003071234"]
)
def test_what_may_be_private_stands_in_no_address(app: Flask, cast: Cast, typed: str) -> None:
    assert staff_search.private(typed)
    client = sign_in(app.test_client(), cast.reviewer)
    answer = client.post("/review/search", data={"q": typed})
    assert answer.status_code == 200  # the result itself, no way on to an address that carries it
    order = _order(cast, phone="13912345678")
    assert order.number in client.post("/review/search", data={"q": "13912345678"}).text
    assert order.number not in client.get("/review/search?q=13912345678").text


def test_a_name_or_number_may_stand_in_the_address(app: Flask, cast: Cast) -> None:
    order, client = _order(cast, name="欧阳娜娜"), sign_in(app.test_client(), cast.reviewer)
    answer = client.post("/review/search", data={"q": "欧阳娜娜"}, follow_redirects=True)
    assert order.number in answer.text
    form = db.session.get_one(Form, order.form_id)
    assert form.id_no not in answer.text
    assert form.phone not in answer.text


def test_identity_and_phone_are_shown_for_a_cause_that_is_logged(app: Flask, cast: Cast) -> None:
    order = _order(cast)
    form = db.session.get_one(Form, order.form_id)
    client, address = sign_in(app.test_client(), cast.reviewer), f"/review/orders/{order.number}"
    page = client.get(address).text
    assert form.id_no not in page
    assert form.phone not in page
    for headers, status in (({}, 303), ({"HX-Request": "true"}, 422)):
        assert client.post(f"{address}/contact", data={"cause": " "}, headers=headers).status_code == status
    with pytest.raises(Invalid):
        looks.unmask(cast.reviewer, order.number, "")
    shown = client.post(f"{address}/contact", data={"cause": "电话核实"}).text
    assert form.id_no in shown
    assert form.phone in shown
    assert "</html>" in shown
    fragment = client.post(f"{address}/contact", data={"cause": "再次核实"}, headers={"HX-Request": "true"}).text
    assert form.phone in fragment
    assert "</html>" not in fragment
    row, _again = db.session.query(Audit).filter_by(action="identity.shown")
    assert (row.subject, row.cause, row.staff_id) == (f"order-{order.id}", "电话核实", cast.reviewer.id)


def test_a_photo_on_the_page_is_a_view_and_finance_sees_none(app: Flask, cast: Cast) -> None:
    order = _order(cast)
    address = f"/review/orders/{order.number}"
    assert "/review/picture/" in sign_in(app.test_client(), cast.liaison).get(address).text
    assert [(view.staff_id, view.purpose) for view in db.session.query(PhotoView)] == [(cast.liaison.id, "search")]
    finance = sign_in(app.test_client(), cast.finance)
    page = finance.get(address).text
    assert "/review/picture/" not in page
    assert finance.post(f"{address}/contact", data={"cause": "curious"}).status_code == 403
    assert db.session.query(PhotoView).count() == 1
