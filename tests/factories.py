"""Makes schools, people, orders and photos in any state, through real commits."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from app.adapters.clock import beijing, now
from app.adapters.storage import storage
from app.extensions import db
from app.models import (
    Account,
    Campaign,
    CheckState,
    CodeImage,
    Consent,
    Decision,
    Form,
    Order,
    Photo,
    Rule,
    School,
    Staff,
    StaffRole,
    StaffSchool,
    StudentRequest,
)
from app.rules.photo_rule import load_rule_body
from app.rules.states import OrderState, Role
from app.services import queue_place
from app.services.access.staff_sessions import open_session

_counter = itertools.count(1)
PASSWORD = "demo-password"
JPEG = bytes.fromhex("ffd8ffe000104a46494600010101012c012c0000ffd9")
"""The head and tail of a JPEG: enough wherever no picture is decoded."""


@dataclass
class Cast:
    """The people of a story. Ids and rows live in the current session."""

    school: School
    campaign: Campaign
    student: Account
    other_student: Account
    reviewer: Staff
    other_reviewer: Staff
    lead: Staff
    producer: Staff
    liaison: Staff
    finance: Staff
    admin: Staff


def make_rule() -> Rule:
    """The shipped rule as a row."""
    found = db.session.query(Rule).filter_by(code="chsi-2017").first()
    if found:
        return found
    body = load_rule_body("chsi-2017")
    rule = Rule(code="chsi-2017", version=1, sha256=hashlib.sha256(repr(body).encode()).hexdigest(), body=body)
    return _add(rule)


def make_school(code: str = "10001", **values: Any) -> School:
    """A school with two colleges."""
    values = {"name": "示例大学", "colleges": {"文学院": ["汉语2301"], "理学院": ["物理2301", "物理2302"]}} | values
    return _add(School(code=code, campuses=["主校区"], **values))


def make_campaign(school: School, **values: Any) -> Campaign:
    """An open campaign at 15 yuan."""
    today = beijing(now()).date()
    base = {
        "code": f"T{next(_counter):05d}",
        "name": "2027届毕业生采集",
        "rule_id": make_rule().id,
        "price_fen": 1500,
        "opens": today - timedelta(days=10),
        "closes": today + timedelta(days=20),
        "help_phone": "010-12345678",
    }
    return _add(Campaign(school_id=school.id, **(base | values)))


def make_account(*, consented: bool = True) -> Account:
    """A student's account."""
    account = _add(Account(nickname=f"学生{next(_counter)}"))
    if consented:
        for kind in ("portrait", "handover"):
            _add(Consent(account_id=account.id, kind=kind, text_version="1", text_sha256="0" * 64))
    return account


def make_staff(role: Role, school: School | None = None, name: str = "") -> Staff:
    """A member of staff in one role; the password cannot be used (tests sign in by session)."""
    staff = Staff(name=name or f"{role.value}-{next(_counter)}", password_hash="!")
    staff.role_rows = [StaffRole(role=role.value)]
    if school is not None:
        staff.school_rows = [StaffSchool(school_id=school.id)]
    return _add(staff)


def make_cast() -> Cast:
    """Everybody."""
    school = make_school()
    campaign = make_campaign(school)
    roles = (Role.REVIEWER, Role.REVIEWER, Role.LEAD, Role.PRODUCER)
    reviewer, other, lead, producer = map(make_staff, roles)
    liaison = make_staff(Role.SCHOOL, school)
    finance, admin = make_staff(Role.FINANCE), make_staff(Role.ADMIN)
    return Cast(
        school, campaign, make_account(), make_account(), reviewer, other, lead, producer, liaison, finance, admin
    )


def make_order(
    campaign: Campaign,
    state: OrderState = OrderState.DRAFT,
    *,
    account: Account | None = None,
    complete: bool = True,
    verdict: str = "passed",
    **values: Any,
) -> Order:
    """An order put directly into `state`: form, read code, checked photo and, where it fits, a visible decision."""
    account = account or make_account()
    order = Order(
        number=secrets.token_hex(8).upper(),
        account_id=account.id,
        campaign_id=campaign.id,
        school_id=campaign.school_id,
        price_fen=campaign.due_fen,
        state=state.value,
        **values,
    )
    _add(order)
    if complete:
        order.form_id = make_form(order).id
        order.photo_id = make_photo(order, verdict=verdict).id
        make_code(order)
    if state not in (OrderState.DRAFT, OrderState.CANCELLED):
        order.rule_id, order.background = campaign.rule_id, campaign.background
        order.background_policy, order.submitted_at = campaign.background_policy, now()
    if state in (OrderState.PENDING_PRODUCTION, OrderState.IN_PRODUCTION, OrderState.COMPLETED):
        order.decision_id = make_decision(order, "approved").id
    if state is OrderState.REJECTED:
        order.decision_id = make_decision(order, "rejected").id
    queued(order)
    return order


def queued(order: Order) -> None:
    """Where an order that was put together by hand stands in the queue."""
    for name, value in queue_place.columns(order, order.state_since, order.photo_id).items():
        setattr(order, name, value)
    db.session.commit()


def make_form(order: Order, **values: Any) -> Form:
    """A valid form version."""
    number = next(_counter)
    keys = _keys()
    id_no = values.pop("id_no", _id_number(number))
    phone = values.pop("phone", f"138{number:08d}")
    base = {
        "name": "王小明",
        "student_no": f"2023{number:06d}",
        "id_type": "resident_id",
        "college": "文学院",
        "class_name": "汉语2301",
        "education_level": "本科",
        "education_category": "普通高等教育",
        "campus": "主校区",
        "school_name": "示例大学",
        "email": f"student{number}@example.com",
    }
    no = db.session.query(Form).filter_by(order_id=order.id).count() + 1
    form = Form(order_id=order.id, no=no, id_no=id_no, id_hmac=keys.digest(id_no), id_last4=id_no[-4:], phone=phone,
                phone_hmac=keys.digest(phone), **(base | values))  # fmt: skip
    return _add(form)


def make_photo(order: Order, *, verdict: str | None = "passed", data: bytes = b"", **values: Any) -> Photo:
    """A checked photo version with stored bytes (`verdict=None`: still waiting)."""
    no = db.session.query(Photo).filter_by(order_id=order.id).count() + 1
    data = data or JPEG + str(next(_counter)).encode()
    stem = f"photos/{order.number}/{no}"
    storage().put(f"{stem}-original", data)
    digest = hashlib.sha256(data).hexdigest()
    photo = Photo(
        order_id=order.id,
        no=no,
        source="album",
        original_key=f"{stem}-original",
        original_sha256=digest,
        rule_id=order.campaign.rule_id,
        background=order.campaign.background,
        background_policy=order.campaign.background_policy,
        check_state=CheckState.QUEUED.value,
    )
    if verdict is not None:
        storage().put(f"{stem}-rendition.jpg", data)
        photo.check_state, photo.verdict, photo.checked_at = CheckState.DONE.value, verdict, now()
        photo.rendition_key, photo.rendition_sha256 = f"{stem}-rendition.jpg", digest
        photo.width, photo.height, photo.crop = 480, 640, [0, 0, 480, 640]
    for name, value in values.items():
        setattr(photo, name, value)
    return _add(photo)


def make_code(order: Order, payload: bytes | None = None) -> CodeImage:
    """A collection code that has been read."""
    payload = payload or f"payload-{order.number}".encode()
    key = f"codes/{order.number}/{next(_counter)}.png"
    storage().put(key, payload)
    digest = hashlib.sha256(payload).hexdigest()
    return _add(CodeImage(order_id=order.id, key=key, suffix="png", sha256=digest, payload=payload,
                          payload_sha256=digest, uploaded_at=now() - timedelta(minutes=10), read_at=now()))  # fmt: skip


def make_decision(order: Order, outcome: str, staff: Staff | None = None, **values: Any) -> Decision:
    """A decision that has become visible."""
    assert order.photo_id and order.form_id
    staff = staff or make_staff(Role.REVIEWER)
    base = {"at": now() - timedelta(minutes=5), "visible_from": now() - timedelta(minutes=4)}
    decision = Decision(order_id=order.id, photo_id=order.photo_id, form_id=order.form_id, staff_id=staff.id,
                        order_version=order.version, outcome=outcome, **(base | values))  # fmt: skip
    return _add(decision)


def make_requests(order: Order) -> None:
    """What this order's student asks of staff: request 1 in an empty database is a deletion, request 2 a code."""
    _add(StudentRequest(kind="deletion", account_id=order.account_id))
    assert order.code is not None
    _add(StudentRequest(kind="code", account_id=order.account_id, order_id=order.id, code_id=order.code.id))


def sign_in(client: FlaskClient, who: Account | Staff) -> FlaskClient:
    """Give the client this person's session."""
    token = open_session(who.id, "127.0.0.1", "test") if isinstance(who, Staff) else ""
    with client.session_transaction() as session:
        session["_user_id"] = who.get_id()
        session["staff_session"] = token
        session["_fresh"] = True
    return client


def _add(row: Any) -> Any:
    db.session.add(row)
    db.session.commit()
    return row


def _keys() -> Any:
    from flask import current_app

    return current_app.extensions["keys"]


def _id_number(number: int) -> str:
    body = f"110105200{number % 10}0101{number % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
