"""Taking the person out of an order and out of an account: files first, then rows, each as often as one likes.

What stays names nobody: states, times, prices, payments, reasons and counts. An account goes when nothing is left that
belongs to it; its consents stay, without a person, as the proof that they were given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from app.adapters.clock import now
from app.adapters.storage import storage
from app.extensions import db
from app.models import (
    Account,
    Audit,
    BatchItem,
    CodeImage,
    Decision,
    Event,
    Exemption,
    Form,
    Identity,
    IntakePhoto,
    Order,
    Photo,
    PhotoCheck,
    PhotoHash,
    RequestKind,
    RequestState,
    StudentRequest,
)
from app.models.photo import GONE
from app.rules.states import OrderState
from app.services import audit
from app.services.unit import unit_of_work

FINISHED = (OrderState.COMPLETED.value, OrderState.CANCELLED.value, OrderState.REFUNDED.value)
ANSWER_READ = timedelta(days=7)
"""How long the answer to a request for deletion can be read before the account goes too."""

PERSON = ("name", "student_no", "id_no", "id_hmac", "id_last4", "phone", "phone_hmac", "email")
"""The columns of a form that say who somebody is; college and class stay, for the counts."""


def holds_person() -> ColumnElement[bool]:
    """Orders that still hold somebody: in a form, a picture, or in what people wrote about them."""
    return or_(
        exists().where(Form.order_id == Order.id, Form.id_hmac != ""),
        exists().where(Photo.order_id == Order.id, Photo.original_key != GONE),
        exists().where(CodeImage.order_id == Order.id, CodeImage.key != GONE),
        exists().where(Decision.order_id == Order.id, Decision.note != ""),
        exists().where(Event.order_id == Order.id, Event.cause != ""),
        Order.typed.is_not(None),
    )


def erase_order(order_id: int) -> None:
    """Delete an order's files, also those that no row names, and empty what its rows say of a person."""
    number = db.session.get_one(Order, order_id).number
    for folder in ("photos", "codes"):
        storage().delete_below(f"{folder}/{number}")
    with unit_of_work():
        photos = select(Photo.id).where(Photo.order_id == order_id)
        for table in (PhotoHash, PhotoCheck):
            db.session.execute(delete(table).where(table.photo_id.in_(photos)))
        db.session.execute(
            update(Photo).where(Photo.order_id == order_id).values(
                original_key=GONE, original_sha256="", pixel_sha256=None, rendition_key=None, rendition_sha256=None,
                ruler=None, crop=None,
            )
        )  # fmt: skip
        db.session.execute(
            update(CodeImage)
            .where(CodeImage.order_id == order_id)
            .values(key=GONE, sha256="", payload=None, payload_sha256=None, claimed=None)
        )
        db.session.execute(update(Form).where(Form.order_id == order_id).values(dict.fromkeys(PERSON, "")))
        db.session.execute(update(Exemption).where(Exemption.order_id == order_id).values(cause=""))
        db.session.execute(update(Decision).where(Decision.order_id == order_id).values(note=""))
        db.session.execute(update(Event).where(Event.order_id == order_id).values(cause=""))
        db.session.execute(update(StudentRequest).where(StudentRequest.order_id == order_id).values(answer=""))
        studio = update(IntakePhoto).where(IntakePhoto.order_id == order_id)
        db.session.execute(studio.values(file_name="", student_no=""))
        shown = Audit.subject == f"order-{order_id}", Audit.action == "identity.shown"
        db.session.execute(update(Audit).where(*shown).values(cause=""))
        out_of_batches = BatchItem.order_id == order_id, BatchItem.released_at.is_not(None)
        db.session.execute(update(BatchItem).where(*out_of_batches).values(frozen="", sha256=""))
        db.session.execute(update(Order).where(Order.id == order_id).values(typed=None))


def holding(order_ids: Sequence[int]) -> set[int]:
    """Those of these orders that still hold somebody."""
    return set(db.session.scalars(select(Order.id).where(Order.id.in_(order_ids), holds_person())))


def accounts_due(past: Sequence[int] = (), only: int | None = None) -> Sequence[int]:
    """Accounts all of whose orders are finished and erased, or will be once the campaigns `past` are purged.

    One without any order stays unless it was granted: somebody has only begun. An answer can be read for ANSWER_READ.
    `only` asks about one account.
    """
    asked = (StudentRequest.account_id == Account.id) & (StudentRequest.kind == RequestKind.DELETION.value)
    granted = exists().where(asked, StudentRequest.state == RequestState.GRANTED.value)
    fresh = exists().where(asked, StudentRequest.decided_at > now() - ANSWER_READ)
    waits = Order.state.not_in(FINISHED) | (holds_person() & Order.campaign_id.not_in(past))
    query = select(Account.id).where(
        Account.erased_at.is_(None),
        exists().where(Order.account_id == Account.id) | granted,
        ~fresh,
        ~exists().where((Order.account_id == Account.id) & waits),
    )
    if only is not None:
        query = query.where(Account.id == only)
    return db.session.scalars(query.order_by(Account.id)).all()


def erase_account(account_id: int) -> bool:
    """Take nickname, avatar and WeChat identities off an account; whoever signs in again is somebody new.

    False, and nothing done, when it is not due (any more): its owner may have begun an order meanwhile. The avatar's
    file goes after the commit, its name after the file: killed in between, `delete_avatars` finds it.
    """
    with unit_of_work():
        account = db.session.get_one(Account, account_id, with_for_update=True)  # against an order begun right now
        if not accounts_due(only=account_id):
            return False
        db.session.execute(delete(Identity).where(Identity.account_id == account_id))
        account.nickname, account.erased_at = "", now()
        mine = update(StudentRequest).where(StudentRequest.account_id == account_id)
        db.session.execute(mine.values(answer=""))
        db.session.execute(
            mine.where(StudentRequest.state == RequestState.OPEN.value).values(
                state=RequestState.GRANTED.value, decided_at=now(), done_at=now()
            )
        )
        audit.note(None, "account.erased", f"account-{account_id}")
    delete_avatars(account_id)
    return True


def delete_avatars(only: int | None = None) -> None:
    """Delete the avatars of accounts that are erased or merged away; `only`: of this one."""
    query = select(Account.id, Account.avatar_key).where(
        Account.erased_at.is_not(None), Account.avatar_key.is_not(None)
    )
    if only is not None:
        query = query.where(Account.id == only)
    for account_id, key in db.session.execute(query).all():
        storage().delete(str(key))
        with unit_of_work():
            db.session.get_one(Account, account_id).avatar_key = None
