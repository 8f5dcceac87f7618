"""Collection codes: read once, held by one live order, and three tries let a student go on."""

from __future__ import annotations

from flask import Flask

from app.adapters.storage import storage
from app.extensions import db
from app.models import CodeImage, Order
from app.rules.states import Action, OrderState
from app.services.photos import codes
from app.services.transitions import SYSTEM, perform
from app.services.unit import unit_of_work
from tests.factories import Cast, make_order


def upload(order: Order) -> int:
    """An unread picture of a code."""
    storage().put(f"codes/{order.number}/1.png", b"png")
    code = CodeImage(order_id=order.id, key=f"codes/{order.number}/1.png", suffix="png", sha256="0" * 64)
    db.session.add(code)
    db.session.commit()
    return code.id


def read(code_id: int, payload: bytes | None, fault: str | None = None) -> CodeImage:
    """Claim and keep, as the job does."""
    assert codes.claim(code_id) is not None
    codes.keep(code_id, payload, fault)
    db.session.expire_all()
    return db.session.get_one(CodeImage, code_id)


def test_a_payload_is_kept_to_the_byte(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, complete=False)
    code = read(upload(order), b"\x00\xffcode")
    assert (code.payload, code.fault) == (b"\x00\xffcode", None)
    assert order.code_tries == 0


def test_it_is_read_by_one_worker_only(app: Flask, cast: Cast) -> None:
    code_id = upload(make_order(cast.campaign, complete=False))
    assert codes.claim(code_id) is not None
    assert codes.claim(code_id) is None


def test_a_code_on_somebody_elses_live_order_is_refused(app: Flask, cast: Cast) -> None:
    read(upload(make_order(cast.campaign, complete=False)), b"one")
    code = read(upload(make_order(cast.campaign, complete=False)), b"one")
    assert (code.payload, code.fault) == (None, "used")


def test_a_cancelled_order_frees_its_code(app: Flask, cast: Cast) -> None:
    first = make_order(cast.campaign, OrderState.PENDING_PAYMENT, complete=False)
    read(upload(first), b"one")
    with unit_of_work():
        perform(db.session.get_one(Order, first.id), Action.EXPIRE, SYSTEM)
    db.session.expire_all()
    assert (first.state, first.code) == ("cancelled", None)
    code = read(upload(make_order(cast.campaign, complete=False)), b"one")
    assert code.payload == b"one"


def test_three_unreadable_pictures_let_the_student_go_on(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, complete=False)
    for tries in (1, 2, 3):
        read(upload(order), None, "blurred")
        assert (order.code_tries, order.code_unreadable) == (tries, tries == 3)
