"""The student's side of an order: start, code, form, photo, submit, and the ways back."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import filetype
from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import beijing, now
from app.adapters.storage import storage
from app.extensions import db
from app.models import (
    Campaign,
    CodeImage,
    Decision,
    Event,
    Form,
    Order,
    Payment,
    PaymentState,
    Photo,
    Refund,
    School,
)
from app.rules.faults import ActionNotAllowed, Invalid, NotFound, StaleOrder, TooLarge
from app.rules.fields import CATEGORIES, FIELDS, ID_TYPES, LEVELS, check_form
from app.rules.messages import APPEALABLE_NEVER
from app.rules.states import EDITABLE, LIVE, Action, OrderState, Role
from app.rules.text import N_
from app.services import audit, codes, consents, notices, payments
from app.services.prechecks import queue_check, submittable
from app.services.transitions import Actor, perform, touch
from app.services.unit import unit_of_work

STUDENT = Actor(Role.STUDENT)
NUMBER_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that is misread on the phone

PICTURES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
}


def campaign_by_code(code: str) -> Campaign:
    """An open campaign by its 特征码. Raises NotFound, or ActionNotAllowed outside of its days."""
    found = db.session.scalar(
        select(Campaign).join(School).where(func.upper(Campaign.code) == code.strip().upper(), School.active)
    )
    if found is None:
        raise NotFound(N_("没有这个特征码，请核对学校通知"))
    return found


def is_open(campaign: Campaign) -> bool:
    """Whether today, in Beijing, lies within the campaign."""
    return campaign.opens <= beijing(now()).date() <= campaign.closes and campaign.closed_at is None


def start(account_id: int, campaign_id: int) -> Order:
    """The student's live order of a campaign, or a new draft. Raises ActionNotAllowed without consents or too late."""
    if not consents.complete(account_id):
        raise ActionNotAllowed(N_("请先阅读并同意隐私说明"))
    found = _live(account_id, campaign_id)
    if found is not None:
        return found
    try:
        with unit_of_work():
            campaign = db.session.get_one(Campaign, campaign_id)
            if not is_open(campaign):
                raise ActionNotAllowed(N_("该批次当前不在采集时间内"))
            order = Order(
                number=new_number(), account_id=account_id, campaign_id=campaign_id, school_id=campaign.school_id
            )
            db.session.add(order)
            return order
    except IntegrityError:  # two taps at once: the other one made it
        again = _live(account_id, campaign_id)
        if again is None:
            raise
        return again


def _live(account_id: int, campaign_id: int) -> Order | None:
    return db.session.scalar(
        select(Order).where(
            Order.account_id == account_id,
            Order.campaign_id == campaign_id,
            Order.state.in_([state.value for state in LIVE]),
        )
    )


def new_number() -> str:
    """A random order number: it tells nothing and cannot be guessed."""
    return "".join(secrets.choice(NUMBER_ALPHABET) for _ in range(12))


def owned(account_id: int, number: str) -> Order:
    """The student's own order. Raises NotFound for any other."""
    found = db.session.scalar(select(Order).where(Order.number == number, Order.account_id == account_id))
    if found is None:
        raise NotFound(N_("没有找到这个订单"))
    return found


def decision_shown(order: Order) -> Decision | None:
    """The decision that the student may know about."""
    decision = db.session.get(Decision, order.decision_id) if order.decision_id else None
    if decision is None or decision.undone_at is not None or decision.visible_from > now():
        return None
    return decision


def state_shown(order: Order) -> OrderState:
    """The state as the student sees it: a decision counts from the moment it becomes visible."""
    state = OrderState(order.state)
    decided = state in (OrderState.REJECTED, OrderState.PENDING_PRODUCTION)
    return OrderState.PENDING_REVIEW if decided and decision_shown(order) is None else state


def _editable(order: Order) -> None:
    if state_shown(order) not in EDITABLE:
        raise ActionNotAllowed(N_("订单当前状态不能修改"))


def _picture(data: bytes) -> str:
    """The kind of an uploaded picture by its first bytes, nothing decoded. Raises Invalid or TooLarge."""
    if not data:
        raise Invalid(N_("文件是空的，请重新选择"))
    if len(data) > current_app.config["UPLOAD_MAX_MB"] * 1024 * 1024:
        raise TooLarge(mb=current_app.config["UPLOAD_MAX_MB"])
    kind = filetype.guess(data[:8192])
    if kind is None or kind.mime not in PICTURES:
        raise Invalid(N_("这不是可用的图片，请上传 JPEG、PNG、WebP 或 HEIC 格式"))
    return PICTURES[kind.mime]


def upload_code(account_id: int, number: str, data: bytes) -> CodeImage:
    """Keep a collection-code picture unmodified and have it read; it replaces an earlier one."""
    order = owned(account_id, number)
    _editable(order)
    suffix = _picture(data)
    key = f"codes/{order.number}/{secrets.token_hex(8)}.{suffix}"
    storage().put(key, data)
    with unit_of_work() as unit:
        order = owned(account_id, number)
        _editable(order)
        for code in order.codes:
            code.released_at = code.released_at or now()
        made = CodeImage(order_id=order.id, key=key, suffix=suffix, sha256=hashlib.sha256(data).hexdigest())
        db.session.add(made)
        touch(order, code_unreadable=False)
        codes.queue_read(unit, made)
    return made


def pick_lists(campaign: Campaign, college: str = "") -> dict[str, Sequence[str]]:
    """The values that a campaign's form offers, by the name that a field asks for."""
    school = campaign.school
    colleges = list(school.colleges)
    classes = school.colleges.get(college, [name for names in school.colleges.values() for name in names])
    return {
        "id_types": list(ID_TYPES),
        "levels": LEVELS,
        "categories": CATEGORIES,
        "campuses": school.campuses,
        "schools": [school.name],
        "colleges": colleges,
        "classes": classes,
    }


def typed(order: Order) -> dict[str, str]:
    """What stands in the form: as last typed, else as last accepted, else empty but for what is known."""
    if order.typed:
        kept: dict[str, str] = json.loads(order.typed)
        return kept
    if order.form is not None:
        return {field.name: str(getattr(order.form, field.name)) for field in FIELDS}
    return {"school_name": order.school.name, "id_type": "resident_id", "campus": (order.school.campuses or [""])[0]}


def keep_typed(account_id: int, number: str, values: Mapping[str, str]) -> None:
    """Keep the form as typed so far, so that closing the page loses nothing."""
    known = {field.name: str(values.get(field.name, ""))[:300] for field in FIELDS}
    with unit_of_work():
        order = owned(account_id, number)
        _editable(order)
        order.typed = json.dumps(known, ensure_ascii=False)


def save_form(account_id: int, number: str, values: Mapping[str, str]) -> Form:
    """A new form version. Raises Invalid with a sentence for every wrong field; what was typed is kept either way."""
    keep_typed(account_id, number, values)
    order = owned(account_id, number)
    cleaned, wrong = check_form(values, pick_lists(order.campaign, values.get("college", "")))
    if wrong:
        raise Invalid(fields=wrong)
    keys = current_app.extensions["keys"]
    with unit_of_work():
        order = owned(account_id, number)
        _editable(order)
        last = db.session.scalar(select(func.max(Form.no)).where(Form.order_id == order.id)) or 0
        form = Form(
            order_id=order.id,
            no=last + 1,
            id_hmac=keys.digest(cleaned["id_no"]),
            id_last4=cleaned["id_no"][-4:],
            phone_hmac=keys.digest(cleaned["phone"]),
            **cleaned,
        )
        db.session.add(form)
        db.session.flush()
        touch(order, form_id=form.id, typed=None)
    return form


def tries_left(order: Order) -> int | None:
    """How many photos the student may still send; None where the campaign sets no limit."""
    limit = order.campaign.tries
    return None if limit is None else max(0, limit - order.tries_used)


def add_photo(account_id: int, number: str, data: bytes, source: str) -> Photo:
    """Keep a photo version and have it checked.

    Raises Invalid for what is no picture, for the photo that was just rejected, and when no try is left.
    """
    order = owned(account_id, number)
    _picture(data)
    digest = hashlib.sha256(data).hexdigest()
    _may_add(order, source, digest)
    stem = f"photos/{order.number}/{secrets.token_hex(8)}"
    storage().put(f"{stem}-original", data)
    with unit_of_work() as unit:
        order = owned(account_id, number)
        _may_add(order, source, digest)
        photo = _new_photo(order, stem, digest, source)
        db.session.flush()
        touch(order, photo_id=photo.id, tries_used=order.tries_used + 1)
        queue_check(unit, photo)
    return photo


def _new_photo(order: Order, stem: str, digest: str, source: str) -> Photo:
    last = db.session.scalar(select(func.max(Photo.no)).where(Photo.order_id == order.id)) or 0
    photo = Photo(
        order_id=order.id,
        no=last + 1,
        source=source,
        original_key=f"{stem}-original",
        original_sha256=digest,
        rule_id=order.rule_id or order.campaign.rule_id,
        background=order.background or order.campaign.background,
        background_policy=order.background_policy or order.campaign.background_policy,
    )
    db.session.add(photo)
    return photo


def _may_add(order: Order, source: str, digest: str) -> None:
    _editable(order)
    if order.campaign.source == "camera" and source == "album":
        raise Invalid(N_("本批次要求现场拍照，不能从相册选择"))
    if tries_left(order) == 0:
        raise Invalid(N_("拍摄次数已用完，请联系学校老师"))
    decision = decision_shown(order)
    rejected = decision is not None and decision.outcome == "rejected"
    if rejected and any(reason.target == "photo" for reason in decision.reasons):  # type: ignore[union-attr]
        old = db.session.get(Photo, decision.photo_id)  # type: ignore[union-attr]
        if old is not None and old.original_sha256 == digest:
            raise Invalid(N_("这张照片刚被驳回，请重新拍摄"))


def ask_person(account_id: int, number: str) -> None:
    """申请人工审核 after a failed verdict. Raises Invalid where nothing could be delivered."""
    with unit_of_work():
        order = owned(account_id, number)
        _editable(order)
        photo = order.photo
        if photo is None or photo.verdict != "failed":
            raise ActionNotAllowed
        failed = {check.code for check in photo.checks if check.verdict == "fail"}
        if failed & APPEALABLE_NEVER or photo.rendition_key is None:
            raise Invalid(N_("这张照片无法制作，请重新拍摄"))
        photo.human_review_requested_at = photo.human_review_requested_at or now()
        touch(order)


def missing(order: Order) -> list[str]:
    """What still stands between this order and its submission, as sentences."""
    found = []
    if not consents.complete(order.account_id or 0):
        found.append(N_("请先阅读并同意隐私说明"))
    code = order.code
    if not order.code_unreadable and (code is None or code.payload is None):
        found.append(N_("请上传图像采集码"))
    if order.form is None:
        found.append(N_("请填写个人信息"))
    if not submittable(order.photo):
        found.append(N_("请上传合格的照片"))
    return found


def submit(account_id: int, number: str, seen_version: int) -> Order:
    """Submit a draft: freezes price, rule and background. Goes to payment, or to review where nothing is due."""
    with unit_of_work() as unit:
        order = owned(account_id, number)
        _complete(order)
        campaign = order.campaign
        if not is_open(campaign):
            raise ActionNotAllowed(N_("该批次当前不在采集时间内"))
        due = 0 if payments.is_paid(order.id) else campaign.due_fen
        target = OrderState.PENDING_PAYMENT if due else OrderState.PENDING_REVIEW
        perform(order, Action.SUBMIT, STUDENT, to=target, seen_version=seen_version)
        order.price_fen, order.rule_id = campaign.due_fen, campaign.rule_id
        order.background, order.background_policy = campaign.background, campaign.background_policy
        order.submitted_at = now()
        notices.order_moved(unit, order, "submitted")
    return order


def _complete(order: Order) -> None:
    found = missing(order)
    if found:
        raise Invalid(found[0])


def resubmit(account_id: int, number: str, seen_version: int) -> Order:
    """Back to review after a rejection or a withdrawal; never paid twice."""
    with unit_of_work() as unit:
        order = owned(account_id, number)
        _editable(order)
        _complete(order)
        decision = decision_shown(order)
        if OrderState(order.state) is OrderState.REJECTED and decision is not None:
            _changed(order, decision)
        perform(order, Action.RESUBMIT, STUDENT, seen_version=seen_version)
        notices.order_moved(unit, order, "resubmitted")
    return order


def _changed(order: Order, decision: Decision) -> None:
    """Each named place must have been touched: a photo reason asks for a new photo, a field for a new form."""
    targets = {reason.target for reason in decision.reasons}
    if "photo" in targets and order.photo_id == decision.photo_id:
        raise Invalid(N_("请先更换被驳回的照片"))
    if any(target.startswith("form") for target in targets) and order.form_id == decision.form_id:
        raise Invalid(N_("请先修改被驳回的信息"))
    if "code" in targets and not any(code.uploaded_at > decision.at for code in order.codes):
        raise Invalid(N_("请先重新上传图像采集码"))


def withdraw(account_id: int, number: str, seen_version: int) -> None:
    """撤回审核. Not while a decision waits to become visible: it has been made."""
    _simple(account_id, number, seen_version, Action.WITHDRAW)


def discard(account_id: int, number: str, seen_version: int) -> None:
    """Give up a draft."""
    _simple(account_id, number, seen_version, Action.DISCARD)


def _simple(account_id: int, number: str, seen_version: int, action: Action) -> None:
    with unit_of_work():
        perform(owned(account_id, number), action, STUDENT, seen_version=seen_version)


def appeal(account_id: int, number: str, seen_version: int) -> None:
    """申诉: once per decision; only another reviewer may decide it."""
    with unit_of_work() as unit:
        order = owned(account_id, number)
        decision = decision_shown(order)
        if decision is None or decision.outcome != "rejected" or decision.appealed_at is not None:
            raise ActionNotAllowed(N_("这次驳回不能再次申诉"))
        if order.photo_id != decision.photo_id or order.form_id != decision.form_id:
            raise ActionNotAllowed(N_("已经修改过的订单请重新提交，无需申诉"))
        perform(order, Action.APPEAL, STUDENT, seen_version=seen_version, decision_id=decision.id)
        decision.appealed_at = now()
        notices.order_moved(unit, order, "appealed")


def edit(account_id: int, number: str, seen_version: int) -> bool:
    """Back from payment to the form. The open payment is closed first; False when it turned out to be paid."""
    return _unpaid(account_id, number, seen_version, Action.EDIT)


def cancel(account_id: int, number: str, seen_version: int) -> bool:
    """Cancel an unpaid order. The open payment is closed first; False when it turned out to be paid."""
    return _unpaid(account_id, number, seen_version, Action.CANCEL)


def _unpaid(account_id: int, number: str, seen_version: int, action: Action) -> bool:
    order = owned(account_id, number)
    if order.version != seen_version:
        raise StaleOrder
    if OrderState(order.state) is not OrderState.PENDING_PAYMENT:
        raise ActionNotAllowed
    if not payments.close_open(order.id):
        return False
    with unit_of_work():
        perform(owned(account_id, number), action, STUDENT)
    return True


def account_orders(account_id: int) -> Sequence[Order]:
    """All of a student's orders, the newest first."""
    return db.session.scalars(select(Order).where(Order.account_id == account_id).order_by(Order.id.desc())).all()


def live_order(account_id: int, campaign_id: int) -> Order | None:
    """The student's live order of a campaign, if there is one."""
    return _live(account_id, campaign_id)


def open_campaigns(school: str, limit: int = 20) -> Sequence[Campaign]:
    """Campaigns open today of schools whose name or code holds these characters."""
    today = beijing(now()).date()
    return db.session.scalars(
        select(Campaign)
        .join(School)
        .where(
            School.active,
            Campaign.closed_at.is_(None),
            Campaign.opens <= today,
            Campaign.closes >= today,
            School.name.contains(school, autoescape=True) | (School.code == school),
        )
        .order_by(School.name, Campaign.name)
        .limit(limit)
    ).all()


def photo_ready(order: Order) -> bool:
    """Whether the current photo may be submitted."""
    return submittable(order.photo)


def ask_person_for_code(account_id: int, number: str) -> None:
    """申请人工处理 for a collection code that another order holds, or that cannot be read."""
    with unit_of_work():
        order = owned(account_id, number)
        _editable(order)
        audit.note(None, "code.help_wanted", f"order-{order.id}")


def events_shown(order: Order) -> Sequence[Event]:
    """The order's history as the student may see it: a decision from the moment it is visible, no undone ones."""
    moment = now()
    hidden = {
        row.id
        for row in db.session.scalars(select(Decision).where(Decision.order_id == order.id))
        if row.undone_at is not None or row.visible_from > moment
    }
    staff_only = (Action.UNDO.value,)
    return [event for event in order.events if event.decision_id not in hidden and event.action not in staff_only]


def payment_of(order: Order) -> Payment | None:
    """The payment that was made for this order."""
    return db.session.scalar(
        select(Payment)
        .where(Payment.order_id == order.id, Payment.state == PaymentState.PAID.value)
        .order_by(Payment.id.desc())
    )


def refund_of(order: Order) -> Refund | None:
    """The newest refund of this order."""
    return db.session.scalar(
        select(Refund).join(Payment).where(Payment.order_id == order.id).order_by(Refund.id.desc()).limit(1)
    )


def review_by(order: Order) -> date | None:
    """预计 … 前完成审核: the Beijing day by which the campaign promises a decision."""
    if OrderState(order.state) is not OrderState.PENDING_REVIEW:
        return None
    return beijing(order.state_since).date() + timedelta(days=order.campaign.review_days)


def last_campaign(account_id: int) -> Campaign | None:
    """The campaign of the student's newest order."""
    return db.session.scalar(
        select(Campaign)
        .join(Order, Order.campaign_id == Campaign.id)
        .where(Order.account_id == account_id)
        .order_by(Order.id.desc())
        .limit(1)
    )
