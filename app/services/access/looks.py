"""Looks of the staff at what is a student's own: each is written down, and those at a photo the student can see."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from app.adapters.clock import now
from app.extensions import db
from app.models import CodeImage, Form, Order, Photo, PhotoView, Staff
from app.rules.faults import Invalid, NotAllowed, NotFound
from app.rules.text import N_
from app.services import audit
from app.services.access import reach
from app.services.unit import unit_of_work

OPENED = "opened"
"""A photo's picture went to somebody's browser; that it was on the screen, only the page can say."""

SAME_LOOK = timedelta(hours=1)
"""Pictures of one photo that one person's browser fetches within this time are one look."""


def unmask(staff: Staff, number: str, cause: str) -> Form:
    """The form with its identity number, for a cause that is logged. Raises Invalid without one."""
    if len(cause.strip()) < 2:
        raise Invalid(N_("请填写查看原因"), {"cause": N_("请填写查看原因")})
    with unit_of_work():
        order = reach.visible(staff, number)
        if order.form is None:
            raise NotFound
        audit.note(staff, "identity.shown", f"order-{order.id}", cause.strip()[:200])
        return order.form


def send_photo_to(staff: Staff, photo_id: int) -> Photo:
    """A photo whose picture goes to this person's browser, which is written down first, whatever its page then says.

    Raises NotFound for no photo of an order, NotAllowed for one of another school.
    """
    looks = select(PhotoView.id).where(
        PhotoView.photo_id == photo_id, PhotoView.staff_id == staff.id, PhotoView.at > now() - SAME_LOOK
    )
    if db.session.scalar(looks.limit(1)) is None:
        saw_photo(staff, photo_id, OPENED)
    return _photo_within(staff, photo_id)


def saw_photo(staff: Staff, photo_id: int, purpose: str) -> None:
    """Write down that this person was shown a photo; the student can see it.

    Where it was only known to be OPENED, that row now says more.
    """
    with unit_of_work():
        _photo_within(staff, photo_id)
        opened = db.session.scalar(
            select(PhotoView)
            .where(PhotoView.photo_id == photo_id, PhotoView.staff_id == staff.id, PhotoView.purpose == OPENED)
            .where(PhotoView.at > now() - SAME_LOOK)
            .limit(1)
        )
        if opened is not None:
            opened.purpose, opened.at = purpose, now()
        else:
            db.session.add(PhotoView(photo_id=photo_id, staff_id=staff.id, purpose=purpose, at=now()))


def _photo_within(staff: Staff, photo_id: int) -> Photo:
    photo = db.session.get(Photo, photo_id)
    if photo is None or photo.order_id is None:
        raise NotFound
    order = db.session.get_one(Order, photo.order_id)
    if not staff.sees(order.school_id):
        raise NotAllowed
    return photo


def code_picture(staff: Staff, number: str) -> CodeImage:
    """The collection code's picture that this person looks at, which is logged. Raises NotFound where there is none."""
    with unit_of_work():
        order = reach.visible(staff, number)
        if order.code is None:
            raise NotFound
        audit.note(staff, "code.shown", f"order-{order.id}")
        return order.code
