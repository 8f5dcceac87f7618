"""Exemptions (religion, medical): one named check switched off on one order by a lead, its cause encrypted."""

from __future__ import annotations

from app.extensions import db
from app.models import Exemption, Order, Staff
from app.rules.faults import Invalid, NotAllowed
from app.rules.messages import APPEALABLE_NEVER, LABELS
from app.rules.states import Role
from app.rules.text import N_
from app.services import audit
from app.services.prechecks import refold
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
        order = db.session.get_one(Order, order_id)
        found = db.session.query(Exemption).filter_by(order_id=order_id, code=code).one_or_none()
        if found is None:
            db.session.add(Exemption(order_id=order_id, code=code, cause=cause.strip(), staff_id=staff.id))
            db.session.flush()
        if order.photo is not None and order.photo.settled:
            refold(order.photo)
        touch(order)
        audit.note(staff, "exemption.granted", f"order-{order_id}", code)
