"""Asking WeChat about payments whose callback may be lost, round by round."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.wechatpay import gateway
from app.extensions import db
from app.models import Payment, PaymentState
from app.services.money import payments
from app.services.money.payments import POLLS
from app.services.money.settlement import by_number
from app.services.rounds import patiently
from app.services.unit import unit_of_work


def poll_due(limit: int = 200) -> int:
    """Ask about open payments whose time has come; close what ran out. Returns how many were asked."""
    due = db.session.scalars(
        select(Payment.id)
        .where(Payment.state == PaymentState.OPEN.value, Payment.next_query_at <= now())
        .order_by(Payment.next_query_at)
        .limit(limit)
    ).all()
    return patiently(due, poll)


def poll(payment_id: int) -> None:
    """Ask about one payment, close it when it ran out, and note when to ask again. Raises what WeChat raised."""
    payment = db.session.get_one(Payment, payment_id)
    order_id, number, expired = payment.order_id, payment.out_trade_no, payment.expires_at <= now()
    try:
        if expired:
            payments.close_open(order_id)
        else:
            payments.look(number)
    except Exception:
        _ask_again(number)
        raise
    _ask_again(number)


def _ask_again(number: str) -> None:
    with unit_of_work():
        payment = by_number(number, lock=True)
        assert payment is not None  # payments are never deleted
        payment.queries += 1
        if payment.state == PaymentState.OPEN:
            moment = now() + timedelta(seconds=POLLS[min(payment.queries, len(POLLS) - 1)])
            payment.next_query_at = min(moment, payment.expires_at) if payment.expires_at > now() else moment


def refresh_certificates() -> int:
    """In certificate mode, fetch WeChat's platform certificates twice a day. Returns how many there are then."""
    if not (Path(current_app.config["WECHATPAY_FOLDER"]) / "merchant_key.pem").exists():
        return 0  # nobody pays here
    return gateway().refresh_certificates()
