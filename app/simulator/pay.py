"""WeChat Pay API v3 as a merchant meets it: open, ask, close, refund, certificates."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, request

from app.simulator.callbacks import call_back
from app.simulator.protocol import answer, beijing_time, merchant_only, refused, signing, state

bp = Blueprint("pay", __name__)

_NUMBER = re.compile(r"[0-9A-Za-z_\-|*]{6,32}")
_HANDLE_SECONDS = 2 * 3600


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def lapse(trade: dict[str, Any]) -> dict[str, Any]:
    """The trade as it is now: one that nobody paid in time is closed."""
    over = trade["time_expire"] and _time(trade["time_expire"]) <= datetime.now(UTC)
    if trade["trade_state"] == "NOTPAY" and over:
        trade["trade_state"] = "CLOSED"
    return trade


def payable(trade: dict[str, Any]) -> bool:
    """Whether the payer's dialog would open: not paid, not closed, and its handle younger than two hours."""
    return lapse(trade)["trade_state"] == "NOTPAY" and trade["handle_at"] > time.time() - _HANDLE_SECONDS


def transaction(trade: Mapping[str, Any]) -> dict[str, Any]:
    """A trade as queries and callbacks tell it."""
    shown = ("appid", "mchid", "out_trade_no", "transaction_id", "trade_state", "success_time", "payer")
    found = {name: trade[name] for name in shown if trade.get(name) is not None}
    amount = dict(trade["amount"])
    if trade["transaction_id"]:
        amount |= {"payer_total": amount["total"], "payer_currency": "CNY"}
        found["bank_type"] = "OTHERS"
    return found | {"trade_type": trade["type"], "trade_state_desc": trade["trade_state"], "amount": amount}


def settled(trade: dict[str, Any]) -> None:
    """The payer has paid."""
    trade["trade_state"], trade["transaction_id"] = "SUCCESS", "42000" + str(secrets.randbelow(10**23)).zfill(23)
    trade["success_time"] = beijing_time()
    trade["payer"] = trade["payer"] or {"openid": "o-scanner"}
    call_back(trade["notify_url"], "TRANSACTION.SUCCESS", transaction(trade))


def _faulty(body: Mapping[str, Any], kind: str) -> bool:
    """Whether a request breaks WeChat's rules for its fields."""
    expire, amount = body.get("time_expire"), body.get("amount") or {}
    texts = (("description", 127), ("notify_url", 255), ("appid", 32), ("mchid", 32))
    if any(not body.get(name) or len(body[name].encode()) > limit for name, limit in texts):
        return True
    if not _NUMBER.fullmatch(str(body.get("out_trade_no"))) or "?" in body["notify_url"]:
        return True
    if not isinstance(amount.get("total"), int) or amount["total"] < 1 or amount.get("currency") != "CNY":
        return True
    if kind == "jsapi" and not (body.get("payer") or {}).get("openid"):
        return True
    return bool(expire and _time(expire) < datetime.now(UTC) + timedelta(seconds=30))


@bp.post("/v3/pay/transactions/<any(jsapi, native):kind>")
@merchant_only
def prepay(kind: str) -> Any:
    body, trades = request.get_json(), state().trades
    number = str(body.get("out_trade_no"))
    old = lapse(trades[number]) if number in trades else None
    if old is None and _faulty(body, kind):
        return refused("PARAM_ERROR", 400)
    if old is not None and old["trade_state"] != "NOTPAY":
        return refused("ORDER_CLOSED" if old["trade_state"] == "CLOSED" else "ORDERPAID", 400)
    made: dict[str, Any] = {
        "appid": body["appid"],
        "mchid": body["mchid"],
        "out_trade_no": number,
        "type": kind.upper(),
        "trade_state": "NOTPAY",
        "amount": body["amount"],
        "description": body["description"],
        "time_expire": body.get("time_expire"),
        "notify_url": body["notify_url"],
        "payer": body.get("payer"),
        "transaction_id": None,
    }
    if old is not None and any(old[name] != value for name, value in made.items()):
        return refused("INVALID_REQUEST", 400)  # the same number takes the same values only
    trades[number] = made | {"handle_at": time.time()}
    handle = f"{number}{secrets.token_hex(4)}"
    if kind == "jsapi":
        return answer({"prepay_id": f"wx{handle}"})
    return answer({"code_url": f"weixin://wxpay/bizpayurl?pr={handle}"})


@bp.get("/v3/pay/transactions/out-trade-no/<number>")
@merchant_only
def query(number: str) -> Any:
    trade = state().trades.get(number)
    if trade is None or trade["mchid"] != request.args.get("mchid"):
        return refused("ORDER_NOT_EXIST", 404)
    return answer(transaction(lapse(trade)))


@bp.post("/v3/pay/transactions/out-trade-no/<number>/close")
@merchant_only
def close(number: str) -> Any:
    trade = state().trades.get(number)
    if trade is None:
        return refused("ORDER_NOT_EXIST", 404)
    if trade["trade_state"] in ("SUCCESS", "REFUND"):
        return refused("ORDERPAID", 400)
    trade["trade_state"] = "CLOSED"
    return answer(None, 204)


@bp.post("/v3/refund/domestic/refunds")
@merchant_only
def refund() -> Any:
    body, here = request.get_json(), state()
    trade = here.trades.get(body["out_trade_no"])
    if trade is None or trade["trade_state"] not in ("SUCCESS", "REFUND"):
        return refused("RESOURCE_NOT_EXISTS", 404)
    if here.take_fault("not_enough"):
        return refused("NOT_ENOUGH", 403)
    if not 1 <= len(body.get("reason", " ").encode()) <= 80:
        return refused("PARAM_ERROR", 400)
    number, amount = body["out_refund_no"], body["amount"]
    kept = here.refunds.get(number)
    if kept is None:
        others = [one for one in here.refunds.values() if one["out_trade_no"] == body["out_trade_no"]]
        given = sum(one["amount"]["refund"] for one in others)
        if amount["total"] != trade["amount"]["total"] or given + amount["refund"] > amount["total"]:
            return refused("INVALID_REQUEST", 400)
        kept = here.refunds[number] = {
            "mchid": trade["mchid"],
            "refund_id": "50" + str(secrets.randbelow(10**26)).zfill(26),
            "out_refund_no": number,
            "out_trade_no": body["out_trade_no"],
            "transaction_id": trade["transaction_id"],
            "status": "PROCESSING",
            "amount": amount,
            "reason": body.get("reason", ""),
            "at": time.time(),
        }
        trade["trade_state"] = "REFUND"
    elif kept["amount"] != amount:
        return refused("INVALID_REQUEST", 400)
    told = kept | {"status": "SUCCESS" if kept["status"] == "SUCCESS" else "PROCESSING"}
    if kept["status"] != "SUCCESS":
        kept["status"] = "ABNORMAL" if here.take_fault("refund_abnormal") else "SUCCESS"
        call_back(body["notify_url"], f"REFUND.{kept['status']}", refund_callback(kept))
    return answer(told)


def refund_callback(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A refund as its callback tells it."""
    shown = ("mchid", "refund_id", "out_refund_no", "out_trade_no", "transaction_id", "amount")
    return {name: kept[name] for name in shown} | {"refund_status": kept["status"], "success_time": beijing_time()}


@bp.get("/v3/refund/domestic/refunds/<number>")
@merchant_only
def query_refund(number: str) -> Any:
    found = state().refunds.get(number)
    return answer(found) if found else refused("RESOURCE_NOT_EXISTS", 404)


@bp.get("/v3/certificates")
@merchant_only
def certificates() -> Any:
    keys = signing()
    one = {
        "serial_no": keys.certificate_serial,
        "effective_time": beijing_time(),
        "expire_time": beijing_time(time.time() + 5 * 365 * 86400),
        "encrypt_certificate": keys.box(keys.certificate, "certificate"),
    }
    return answer({"data": [one]})
