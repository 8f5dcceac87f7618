"""What students of the demo ask of staff: a deletion, and a collection code that another order holds."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from app.adapters.clock import now
from app.demo import portraits
from app.extensions import db
from app.models import Order, StudentRequest
from app.rules.states import OrderState
from app.services import submissions
from app.services.photos import codes
from app.services.students import deletions
from app.services.unit import unit_of_work


def ask(campaign_id: int) -> None:
    """Ask once, by students of this campaign; where the demo lacks one of them, that request is left out."""
    if db.session.scalar(select(StudentRequest.id).limit(1)) is not None:
        return
    cancelled, bare, holder = (_first(campaign_id, state) for state in ("cancelled", "draft", "pending_review"))
    if cancelled is not None and cancelled.account_id is not None:
        deletions.ask(cancelled.account_id)
        with unit_of_work():
            db.session.execute(update(StudentRequest).values(asked_at=now() - timedelta(days=4)))
    if bare is not None and bare.code is None and holder is not None and holder.code is not None:
        _dispute(bare.account_id or 0, bare.number, holder.code.payload or b"")


def _first(campaign_id: int, state: str) -> Order | None:
    """The newest of this state; of drafts, one that has no collection code yet."""
    query = select(Order).where(Order.campaign_id == campaign_id, Order.state == state).order_by(Order.id.desc())
    found = db.session.scalars(query).all()
    return next((order for order in found if state != OrderState.DRAFT or not order.codes), None)


def _dispute(account_id: int, number: str, payload: bytes) -> None:
    code = submissions.upload_code(account_id, number, portraits.collection_code(payload))
    code_id = code.id
    if codes.claim(code_id) is not None:
        codes.keep(code_id, payload, None)
    submissions.ask_person_for_code(account_id, number)
