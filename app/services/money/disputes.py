"""WeChat says that a payment is paid, and its answer does not fit: kept once for finance, and asked about no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import BillDifference, PaymentState
from app.rules.faults import Fault
from app.rules.text import N_
from app.services.money.settlement import by_number
from app.services.unit import unit_of_work


class PaymentDisputed(Fault):
    """WeChat says paid, but amount or merchant are not ours: people have to look."""

    status = 409
    sentence = N_("支付结果需要人工核对，请联系客服，不要重复支付")


def set_aside(number: str, fault: str, transaction: Mapping[str, Any]) -> None:
    """Take an open payment out of the rounds, with one difference for finance; again changes nothing.

    Until finance has settled the difference the order can neither be paid again nor left: WeChat may hold money for it.
    """
    amount = transaction.get("amount")
    stated = amount.get("total") if isinstance(amount, Mapping) else None
    with unit_of_work():
        payment = by_number(number, lock=True)
        if payment is not None and payment.state == PaymentState.OPEN:
            payment.state, payment.next_query_at = PaymentState.DISPUTED.value, None
            day, theirs = beijing(now()).date().isoformat(), stated if isinstance(stated, int) else None
            db.session.add(
                BillDifference(day=day, kind=fault, number=number, ours_fen=payment.amount_fen, theirs_fen=theirs)
            )


def settle(number: str) -> None:
    """Finance has explained it, in the caller's transaction: the payment is closed, the order may go on."""
    payment = by_number(number, lock=True)
    if payment is not None and payment.state == PaymentState.DISPUTED:
        payment.state = PaymentState.CLOSED.value
