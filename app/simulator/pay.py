"""WeChat Pay API v3 as a merchant meets it, with its cashier page and faults on demand."""

from __future__ import annotations

import gzip
import json
import secrets
import threading
import time
from collections.abc import Mapping
from functools import wraps
from typing import Any

import requests
from flask import Blueprint, Response, current_app, redirect, render_template, request

from app.simulator.signing import Signing
from app.simulator.state import State

bp = Blueprint("pay", __name__)
_RETRIES = (0.0, 2.0, 5.0, 15.0)
"""Seconds before each callback attempt; the real ones go on for a day."""

_BILL_HEAD = (
    "交易时间", "公众账号ID", "商户号", "微信订单号", "商户订单号", "交易状态", "货币种类", "应结订单金额",
    "微信退款单号", "商户退款单号", "退款金额", "退款状态",
)  # fmt: skip


def _state() -> State:
    state: State = current_app.extensions["state"]
    return state


def _signing() -> Signing:
    signing: Signing = current_app.extensions["signing"]
    return signing


def _answer(body: Mapping[str, Any] | None, status: int = 200) -> Response:
    data = json.dumps(body).encode() if body is not None else b""
    response = Response(data, status=status, content_type="application/json; charset=utf-8")
    response.headers.update(_signing().headers(data))
    return response


def _refused(code: str, status: int) -> Response:
    return _answer({"code": code, "message": code}, status)


def merchant_only(view: Any) -> Any:
    """Check the request's signature, and play the faults that concern answers."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        state = _state()
        if state.take_fault("timeout"):
            time.sleep(8)
        if state.take_fault("server_error"):
            return Response("bad gateway", 502)
        if state.take_fault("system_error"):
            return _refused("SYSTEM_ERROR", 500)
        path = request.full_path if request.query_string else request.path
        authorization = request.headers.get("Authorization", "")
        if not _signing().merchant_signed(request.method, path, authorization, request.get_data()):
            return _refused("SIGN_ERROR", 401)
        with state.lock:
            answer = view(*args, **kwargs)
            state.save()
        return answer

    return checked


def _fields(trade: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("appid", "mchid", "out_trade_no", "transaction_id", "trade_state", "success_time", "payer")
    found = {name: trade[name] for name in shown if trade.get(name) is not None}
    return found | {"trade_type": trade["type"], "trade_state_desc": trade["trade_state"], "amount": trade["amount"]}


@bp.post("/v3/pay/transactions/<any(jsapi, native):kind>")
@merchant_only
def prepay(kind: str) -> Any:
    body = request.get_json()
    number, trades = body["out_trade_no"], _state().trades
    old = trades.get(number)
    if old is not None and old["trade_state"] == "SUCCESS":
        return _refused("ORDERPAID", 400)
    if old is not None and old["trade_state"] == "CLOSED":
        return _refused("ORDER_CLOSED", 400)
    if old is not None and (old["amount"] != body["amount"] or old["time_expire"] != body.get("time_expire")):
        return _refused("INVALID_REQUEST", 400)
    trade = old or {
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
    trades[number] = trade
    if kind == "jsapi":
        return _answer({"prepay_id": f"wx{number}"})
    return _answer({"code_url": f"weixin://wxpay/bizpayurl?pr={number}"})


@bp.get("/v3/pay/transactions/out-trade-no/<number>")
@merchant_only
def query(number: str) -> Any:
    trade = _state().trades.get(number)
    return _answer(_fields(trade)) if trade else _refused("ORDER_NOT_EXIST", 404)


@bp.post("/v3/pay/transactions/out-trade-no/<number>/close")
@merchant_only
def close(number: str) -> Any:
    trade = _state().trades.get(number)
    if trade is None:
        return _refused("ORDER_NOT_EXIST", 404)
    if trade["trade_state"] in ("SUCCESS", "REFUND"):
        return _refused("ORDERPAID", 400)
    trade["trade_state"] = "CLOSED"
    return _answer(None, 204)


@bp.post("/v3/refund/domestic/refunds")
@merchant_only
def refund() -> Any:
    body, state = request.get_json(), _state()
    trade = state.trades.get(body["out_trade_no"])
    if trade is None or trade["trade_state"] not in ("SUCCESS", "REFUND"):
        return _refused("RESOURCE_NOT_EXISTS", 404)
    number = body["out_refund_no"]
    others = [one for one in state.refunds.values() if one["out_trade_no"] == body["out_trade_no"]]
    if number not in state.refunds:
        if sum(one["amount"]["refund"] for one in others) + body["amount"]["refund"] > trade["amount"]["total"]:
            return _refused("NOT_ENOUGH", 403)
        state.refunds[number] = {
            "refund_id": secrets.token_hex(14),
            "out_refund_no": number,
            "out_trade_no": body["out_trade_no"],
            "transaction_id": trade["transaction_id"],
            "status": "SUCCESS",
            "amount": body["amount"],
            "at": time.time(),
        }
        trade["trade_state"] = "REFUND"
        _call_back(trade["notify_url"], "REFUND.SUCCESS", state.refunds[number] | {"refund_status": "SUCCESS"})
    return _answer(state.refunds[number] | {"status": "PROCESSING"})


@bp.get("/v3/refund/domestic/refunds/<number>")
@merchant_only
def query_refund(number: str) -> Any:
    found = _state().refunds.get(number)
    return _answer(found) if found else _refused("RESOURCE_NOT_EXISTS", 404)


@bp.get("/v3/bill/tradebill")
@merchant_only
def bill() -> Any:
    day = request.args["bill_date"]
    if not _bill_lines(day):
        return _refused("NO_STATEMENT_EXIST", 400)
    return _answer({"download_url": f"{request.host_url}v3/billdownload/file?day={day}"})


@bp.get("/v3/billdownload/file")
def bill_file() -> Any:
    lines = _bill_lines(request.args["day"])
    text = "\ufeff" + "\r\n".join([",".join(_BILL_HEAD), *lines, "总交易单数,总交易额", f"`{len(lines)},`0"]) + "\r\n"
    data = gzip.compress(text.encode())
    response = Response(data, content_type="application/octet-stream")
    response.headers.update(_signing().headers(b""))
    return response


def _bill_lines(day: str) -> list[str]:
    lines = []
    for trade in _state().trades.values():
        if trade["transaction_id"] and str(trade.get("success_time", "")).startswith(day):
            lines.append(_bill_line(trade, trade["success_time"], "SUCCESS", "", "", 0))
    for one in _state().refunds.values():
        when = time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(one["at"] + 8 * 3600))
        if when.startswith(day):
            trade = _state().trades[one["out_trade_no"]]
            fen = one["amount"]["refund"]
            lines.append(_bill_line(trade, when, "REFUND", one["refund_id"], one["out_refund_no"], fen))
    return lines


def _bill_line(trade: Mapping[str, Any], when: str, state: str, refund_id: str, refund_no: str, fen: int) -> str:
    total = trade["amount"]["total"] / 100
    trade_cells = [trade["appid"], trade["mchid"], trade["transaction_id"], trade["out_trade_no"], state, "CNY"]
    refund_cells = [refund_id, refund_no, f"{fen / 100:.2f}", "SUCCESS" if refund_no else ""]
    cells = [when.replace("T", " ")[:19], *trade_cells, f"{total:.2f}", *refund_cells]
    return ",".join(f"`{cell}" for cell in cells)


@bp.get("/cashier/<number>")
def cashier(number: str) -> Any:
    trade = _state().trades.get(number)
    if trade is None:
        return "没有这笔交易", 404
    return render_template("simulator/cashier.html", trade=trade, back=request.args.get("back", ""))


@bp.post("/cashier/<number>")
def pay(number: str) -> Any:
    state = _state()
    with state.lock:
        trade = state.trades.get(number)
        if trade is None or trade["trade_state"] not in ("NOTPAY", "SUCCESS"):
            return "这笔交易已关闭", 409
        if trade["trade_state"] == "NOTPAY":
            trade["trade_state"], trade["transaction_id"] = "SUCCESS", "42" + str(secrets.randbelow(10**26)).zfill(26)
            trade["success_time"] = time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600))
            trade["payer"] = trade["payer"] or {"openid": "o-scanner"}
            state.save()
            _call_back(trade["notify_url"], "TRANSACTION.SUCCESS", _fields(trade))
    back = request.form.get("back", "")
    if back.startswith(current_app.config["SHOP"] + "/"):
        return redirect(back, 303)
    return render_template("simulator/cashier.html", trade=trade, back="")


def _call_back(url: str, event_type: str, resource: dict[str, Any]) -> None:
    state, signing = _state(), _signing()
    if state.take_fault("lost"):
        return
    late = 5.0 if state.take_fault("late") else 0.0
    copies = 3 if state.take_fault("duplicate") else 1
    wrong = state.take_fault("tampered")
    body = signing.sealed(event_type, resource)
    for copy in range(copies):
        threading.Thread(target=_send, args=(signing, url, body, late + 0.01 * copy, wrong), daemon=True).start()


def _send(signing: Signing, url: str, body: bytes, late: float, wrong: bool) -> None:
    time.sleep(late)
    for wait in _RETRIES:
        time.sleep(wait)
        headers = signing.headers(body, wrong=wrong) | {"Content-Type": "application/json"}
        wrong = False
        try:
            if requests.post(url, data=body, headers=headers, timeout=5).status_code in (200, 204):
                return
        except requests.RequestException:
            continue
