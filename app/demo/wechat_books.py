"""The demo's payments as the simulator of WeChat knows them, so that finance can refund and reconcile them too."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import current_app

from app.models import Refund
from app.simulator.protocol import beijing_time
from app.simulator.state import State


def _books() -> State:
    """The file that the simulator reads when it starts."""
    return State(Path(current_app.instance_path) / "simulator.json")


def paid(transaction: Mapping[str, Any]) -> None:
    """Enter a trade that has been paid; `transaction` as WeChat tells it."""
    books = _books()
    books.trades[transaction["out_trade_no"]] = dict(transaction) | {
        "type": "JSAPI",
        "description": current_app.config["SITE_TITLE"],
        "time_expire": None,
        "notify_url": current_app.config["PUBLIC_URL"] + "/wechatpay/notify",
        "payer": {"openid": "o-demo"},
        "handle_at": time.time(),
    }
    books.save()


def refunded(refund: Refund) -> None:
    """Enter a refund that has arrived."""
    books, trade = _books(), refund.payment.out_trade_no
    books.trades[trade]["trade_state"] = "REFUND"
    books.refunds[refund.out_refund_no] = {
        "mchid": current_app.config["WECHATPAY_MCHID"],
        "refund_id": f"50{refund.id:026d}",
        "out_refund_no": refund.out_refund_no,
        "out_trade_no": trade,
        "transaction_id": refund.payment.transaction_id,
        "status": "SUCCESS",
        "amount": {"refund": refund.amount_fen, "total": refund.payment.amount_fen, "currency": "CNY"},
        "reason": refund.cause,
        "success_time": beijing_time(),
        "at": time.time(),
    }
    books.save()
