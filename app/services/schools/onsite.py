"""Photos that a studio took on site: matched to orders, checked like any other, submitted for the student.

Nothing is lost and nothing is taken twice: a photo goes to its order, or waits in the tray for a person, and the same
bytes again are recognised. So an import that was stopped is simply run again.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import Campaign, Form, IntakePhoto, IntakeState, Order, Photo, Staff
from app.rules.faults import ActionNotAllowed, Fault, Invalid, NotFound
from app.rules.states import EDITABLE, LIVE, OrderState
from app.rules.text import N_
from app.services import audit, submissions
from app.services.unit import unit_of_work

IMPORTED, KNOWN, UNMATCHED, REFUSED = "imported", "already there", "unmatched", "refused"

UNKNOWN = N_("文件名和对照表都没有对应到订单")
SEVERAL = N_("文件名对应多个订单")
NOT_EDITABLE = N_("订单当前状态不能更换照片")

PAGE = 60


@dataclass(frozen=True)
class Taken:
    """What became of one file; `cause` is a sentence's key for what waits or is refused."""

    outcome: str
    cause: str = ""
    number: str = ""


def campaign(code: str) -> Campaign:
    """A campaign by its 特征码. Raises NotFound."""
    found = db.session.scalar(select(Campaign).where(Campaign.code == code))
    if found is None:
        raise NotFound(N_("没有这个批次"))
    return found


def read_map(data: bytes) -> dict[str, str]:
    """A studio's CSV map: file name, student number; a head is passed over. Raises Invalid for anything else."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline=None)) if any(row)]
        except csv.Error:
            raise Invalid(N_("这个 CSV 文件无法读取，请重新导出")) from None
        if any(len(row) < 2 for row in rows):
            raise Invalid(N_("对照表每行需要有文件名和学号两列"))
        return {Path(row[0].strip().replace("\\", "/")).name.casefold(): row[1].strip() for row in rows}
    raise Invalid(N_("对照表的编码无法识别，请另存为 UTF-8 的 CSV"))


def take(campaign_id: int, name: str, data: bytes, mapping: Mapping[str, str], staff: Staff | None = None) -> Taken:
    """Take one file of a studio's folder. Harmless twice."""
    try:
        submissions.picture_suffix(data)
    except Fault as fault:
        return Taken(REFUSED, fault.sentence % fault.values)
    digest = hashlib.sha256(data).hexdigest()
    waiting = _waiting(campaign_id, digest)
    if _attached(campaign_id, digest) or (waiting is not None and waiting.state == IntakeState.DROPPED):
        return Taken(KNOWN)
    told = mapping.get(name.casefold(), "")
    order, cause = _whose(campaign_id, name, told)
    if waiting is not None:
        if order is None or cause:
            return Taken(KNOWN)
        assign(waiting.id, order.number, staff)
        return Taken(IMPORTED, number=order.number)
    if order is None or cause:
        _keep_waiting(campaign_id, name, told, data, digest, cause)
        return Taken(UNMATCHED, cause)
    try:
        submissions.add_onsite_photo(order.id, data)
    except Fault:  # the student submitted in this very moment
        _keep_waiting(campaign_id, name, told, data, digest, NOT_EDITABLE)
        return Taken(UNMATCHED, NOT_EDITABLE)
    return Taken(IMPORTED, number=order.number)


def known(campaign_id: int, digests: Sequence[str]) -> list[str]:
    """Which of these files (SHA-256) are there already: the page does not send them again."""
    wanted = [digest for digest in digests[:2000] if re.fullmatch(r"[0-9a-f]{64}", digest)]
    held = select(IntakePhoto.sha256).where(IntakePhoto.campaign_id == campaign_id, IntakePhoto.sha256.in_(wanted))
    attached = (
        select(Photo.original_sha256)
        .join(Order, Order.id == Photo.order_id)
        .where(Order.campaign_id == campaign_id, Photo.original_sha256.in_(wanted))
    )
    return sorted({*db.session.scalars(held), *db.session.scalars(attached)})


def _attached(campaign_id: int, digest: str) -> bool:
    query = select(Photo.id).join(Order, Order.id == Photo.order_id)
    return (
        db.session.scalar(query.where(Order.campaign_id == campaign_id, Photo.original_sha256 == digest).limit(1))
        is not None
    )


def _waiting(campaign_id: int, digest: str) -> IntakePhoto | None:
    return db.session.scalar(
        select(IntakePhoto).where(IntakePhoto.campaign_id == campaign_id, IntakePhoto.sha256 == digest)
    )


def _whose(campaign_id: int, name: str, told: str) -> tuple[Order | None, str]:
    """The order a file belongs to, and why it cannot go there. The map decides; else any part of the file's name."""
    stem = Path(name).stem
    words = [told] if told else [stem, *re.split(r"[_\s.,()（）+]+", stem)]
    orders = {order.id: order for word in dict.fromkeys(words) if word for order in by_student(campaign_id, word)}
    if not orders:
        return None, UNKNOWN
    if len(orders) > 1:
        return None, SEVERAL
    order = next(iter(orders.values()))
    return order, "" if OrderState(order.state) in EDITABLE else NOT_EDITABLE


def by_student(campaign_id: int, student_no: str) -> Sequence[Order]:
    """The live orders of a campaign with this student number."""
    return db.session.scalars(
        select(Order)
        .join(Form, Form.id == Order.form_id)
        .where(
            Order.campaign_id == campaign_id,
            Form.student_no == student_no,
            Order.state.in_([state.value for state in LIVE]),
        )
    ).all()


def _keep_waiting(campaign_id: int, name: str, told: str, data: bytes, digest: str, cause: str) -> None:
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


def tray(found: Campaign, page: int = 1) -> tuple[Sequence[IntakePhoto], int]:
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
        order, cause = _whose(one.campaign_id, one.file_name, one.student_no)
        if order is not None and not cause:
            try:
                assign(one.id, order.number, None)
                found += 1
            except (Fault, FileNotFoundError):
                continue
    tidy()
    return found


@dataclass(frozen=True)
class OnsiteOrder:
    """An order whose current photo came from the studio, not yet submitted; `missing` are sentences' keys."""

    order: Order
    missing: Sequence[str]


def drafts(found: Campaign, page: int = 1) -> tuple[list[OnsiteOrder], int]:
    """One page of the drafts with a studio photo, and how many there are."""
    query = (
        select(Order)
        .join(Photo, Photo.id == Order.photo_id)
        .where(Order.campaign_id == found.id, Order.state == OrderState.DRAFT.value, Photo.source == "onsite")
    )
    total = db.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = db.session.scalars(query.order_by(Order.id).limit(PAGE).offset((page - 1) * PAGE))
    return [OnsiteOrder(order, submissions.missing(order)) for order in rows], total


def submit_ready(found: Campaign, staff: Staff) -> tuple[int, int]:
    """Submit every draft with a studio photo that is complete. Returns submitted and left."""
    ids = db.session.scalars(
        select(Order.id)
        .join(Photo, Photo.id == Order.photo_id)
        .where(Order.campaign_id == found.id, Order.state == OrderState.DRAFT.value, Photo.source == "onsite")
    ).all()
    done, staff_id = 0, staff.id
    for order_id in ids:
        try:
            submissions.submit_onsite(order_id, staff_id)
            done += 1
        except Fault:
            continue
    return done, len(ids) - done
