"""The tray: studio photos without an owner wait here for a person, or for their student's form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import Campaign, IntakePhoto, IntakeState, Order, Photo, Staff
from app.rules.faults import ActionNotAllowed, Fault, Invalid, NotFound
from app.rules.text import N_
from app.services import audit, submissions
from app.services.schools.onsite.owners import by_student, whose
from app.services.unit import unit_of_work

PAGE = 60


def kept(campaign_id: int, digest: str) -> IntakePhoto | None:
    """The campaign's row of these bytes (SHA-256), whether the photo still waits or not."""
    return db.session.scalar(
        select(IntakePhoto).where(IntakePhoto.campaign_id == campaign_id, IntakePhoto.sha256 == digest)
    )


def keep(campaign_id: int, name: str, told: str, data: bytes, digest: str, cause: str) -> None:
    """Put a photo into the tray: its bytes, the studio's name for it, and why it waits. Harmless twice."""
    key = f"onsite/{campaign_id}/{digest[:32]}"  # by content: the same file again is the same key
    storage().put(key, data)
    try:
        with unit_of_work():
            db.session.add(
                IntakePhoto(campaign_id=campaign_id, key=key, sha256=digest, file_name=Path(name).name[-200:],
                            student_no=told[:50], cause=cause)
            )  # fmt: skip
    except IntegrityError:  # the same file from another window
        return


def waiting_page(found: Campaign, page: int = 1) -> tuple[Sequence[IntakePhoto], int]:
    """One page of the photos of a campaign that wait for a person, and how many there are."""
    query = select(IntakePhoto).where(
        IntakePhoto.campaign_id == found.id, IntakePhoto.state == IntakeState.WAITING.value
    )
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = query.order_by(IntakePhoto.file_name, IntakePhoto.id).limit(PAGE).offset((page - 1) * PAGE)
    return db.session.scalars(rows).all(), total


def waiting(intake_id: int) -> IntakePhoto:
    """A photo in the tray. Raises NotFound when it left it."""
    found = db.session.get(IntakePhoto, intake_id)
    if found is None or found.state != IntakeState.WAITING or found.key is None:
        raise NotFound(N_("这张照片已被处理"))
    return found


def assign_to(intake_id: int, text: str, staff: Staff) -> Order:
    """Give a waiting photo to the order that a person names by student number or order number.

    Raises Invalid for none or several, ActionNotAllowed where the order takes no photo now.
    """
    campaign_id, wanted = waiting(intake_id).campaign_id, text.strip()
    orders = list(by_student(campaign_id, wanted)) if wanted else []
    named = db.session.scalar(select(Order).where(Order.number == wanted.upper(), Order.campaign_id == campaign_id))
    orders = [named] if named is not None else orders
    if len(orders) != 1:
        sentence = N_("有多个订单使用这个学号，请填写订单号") if orders else N_("本批次没有这个学号或订单号的订单")
        raise Invalid(sentence)
    return assign(intake_id, orders[0].number, staff)


def assign(intake_id: int, number: str, staff: Staff | None) -> Order:
    """Give a waiting photo to an order; from then on it is checked like any other.

    The photo is on the order before it leaves the tray: killed in between, the next attempt finds it there.
    """
    found = waiting(intake_id)
    digest, campaign_id, key, staff_id = found.sha256, found.campaign_id, str(found.key), staff.id if staff else None
    order = db.session.scalars(select(Order).where(Order.number == number)).one()
    if order.campaign_id != campaign_id:
        raise NotFound
    order_id = order.id
    if not db.session.scalar(select(Photo.id).where(Photo.order_id == order_id, Photo.original_sha256 == digest)):
        submissions.add_onsite_photo(order_id, storage().get(key))
    _settle(intake_id, IntakeState.ASSIGNED, staff_id, order_id)
    return db.session.get_one(Order, order_id)


def drop(intake_id: int, staff: Staff) -> None:
    """Throw a waiting photo away for good; the same file again is not taken."""
    waiting(intake_id)
    _settle(intake_id, IntakeState.DROPPED, staff.id, None)


def _settle(intake_id: int, state: IntakeState, staff_id: int | None, order_id: int | None) -> None:
    with unit_of_work():
        found = db.session.get_one(IntakePhoto, intake_id)
        if found.state != IntakeState.WAITING:
            raise ActionNotAllowed(N_("这张照片已被处理"))
        key, found.state, found.order_id = found.key, state.value, order_id
        found.staff_id, found.settled_at = staff_id, now()
        audit.note_id(staff_id, f"onsite.{state.value}", f"intake-{intake_id}")
    if key:
        storage().delete(key)  # killed before this line: `tidy` finds it


def tidy() -> int:
    """Delete files whose photo has left the tray. Returns how many."""
    gone = IntakePhoto.state != IntakeState.WAITING.value, IntakePhoto.key.is_not(None)
    left = db.session.execute(select(IntakePhoto.id, IntakePhoto.key).where(*gone)).all()
    for intake_id, key in left:
        storage().delete(str(key))
        with unit_of_work():
            db.session.get_one(IntakePhoto, intake_id).key = None
    return len(left)


def match_waiting(campaign_id: int | None = None) -> int:
    """Look again for the owners of waiting photos: students often fill in their form after the shoot."""
    query = select(IntakePhoto).where(IntakePhoto.state == IntakeState.WAITING.value)
    if campaign_id is not None:
        query = query.where(IntakePhoto.campaign_id == campaign_id)
    found = 0
    for one in db.session.execute(
        query.with_only_columns(IntakePhoto.id, IntakePhoto.campaign_id, IntakePhoto.file_name, IntakePhoto.student_no)
    ).all():
        order, cause = whose(one.campaign_id, one.file_name, one.student_no)
        if order is not None and not cause:
            try:
                assign(one.id, order.number, None)
                found += 1
            except (Fault, FileNotFoundError):
                continue
    tidy()
    return found
