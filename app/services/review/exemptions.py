"""Exemptions (religion, medical): one named check switched off on one order by a lead, its cause encrypted."""

from __future__ import annotations

from app.extensions import db
from app.models import Exemption, Order, Staff
from app.rules.faults import Invalid, NotAllowed
from app.rules.messages import APPEALABLE_NEVER, LABELS
from app.rules.states import Role
from app.rules.text import N_
from app.services import audit
from app.services.photos.prechecks import refold
from app.services.transitions import touch
from app.services.unit import unit_of_work


def grant(staff: Staff, order_id: int, code: str, cause: str) -> None:
    """Switch one check off on one order and fold the verdict again. Raises Invalid without a cause or a known check."""
    if Role.LEAD not in staff.roles:
        raise NotAllowed
    if code not in LABELS or code in APPEALABLE_NEVER or code == "duplicate":
        raise Invalid(N_("这一项不能豁免"))
    if len(cause.strip()) < 2:
        raise Invalid(N_("请填写豁免原因"), {"cause": N_("请填写豁免原因")})
    with unit_of_work():
        if _found(order_id, code) is None:
            db.session.add(Exemption(order_id=order_id, code=code, cause=cause.strip()[:500], staff_id=staff.id))
            _fold_again(order_id)
            audit.note(staff, "exemption.granted", f"order-{order_id}", code)


def withdraw(staff: Staff, order_id: int, code: str) -> None:
    """Switch the check on again. Raises NotAllowed for anybody but a lead."""
    if Role.LEAD not in staff.roles:
        raise NotAllowed
    with unit_of_work():
        found = _found(order_id, code)
        if found is not None:
            db.session.delete(found)
            _fold_again(order_id)
            audit.note(staff, "exemption.withdrawn", f"order-{order_id}", code)


def _found(order_id: int, code: str) -> Exemption | None:
    return db.session.query(Exemption).filter_by(order_id=order_id, code=code).one_or_none()


def _fold_again(order_id: int) -> None:
    """The verdict without the exempt checks; whoever has the old one on the screen is refused by the version."""
    db.session.flush()
    order = db.session.get_one(Order, order_id)
    if order.photo is not None and order.photo.settled:
        refold(order.photo)
    touch(order)
