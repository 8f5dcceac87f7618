"""The simulator's trade bill: all columns, backquotes, summary, gzip and digest, as WeChat hands it out."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request

from app.rules.bill import COLUMNS, SUMMARY
from app.rules.yuan import yuan
from app.simulator.protocol import answer, beijing_time, merchant_only, refused, state

bp = Blueprint("bill", __name__)
_RATE = Decimal("0.006")


@bp.get("/v3/bill/tradebill")
@merchant_only
def bill() -> Any:
    day = request.args["bill_date"]
    if day >= beijing_time()[:10]:
        return refused("STATEMENT_CREATING", 400)
    text = bill_text(day)
    if not text:
        return refused("NO_STATEMENT_EXIST", 400)
    digest = hashlib.sha1(text.encode()).hexdigest()
    if state().take_fault("bill_damaged"):
        digest = digest[::-1]
    url = f"{request.host_url}v3/billdownload/file?token={day}"
    return answer({"hash_type": "SHA1", "hash_value": digest, "download_url": url})


@bp.get("/v3/billdownload/file")
@merchant_only
def bill_file() -> Any:
    data = gzip.compress(bill_text(request.args["token"]).encode())
    return Response(data, content_type="application/octet-stream")


def bill_text(day: str) -> str:
    """The bill of a Beijing day; empty when nothing moved."""
    here = state()
    rows = [_row(trade, trade["success_time"]) for trade in here.trades.values() if _paid_on(trade, day)]
    for one in here.refunds.values():
        when = beijing_time(one["at"])
        if when.startswith(day):
            rows.append(_row(here.trades[one["out_trade_no"]], when, one))
    if not rows:
        return ""
    lines = [",".join(COLUMNS), *(_cells(COLUMNS, row) for row in rows)]
    lines += [",".join(SUMMARY), _cells(SUMMARY, _summary(rows))]
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def _paid_on(trade: Mapping[str, Any], day: str) -> bool:
    return bool(trade["transaction_id"]) and trade["success_time"].startswith(day)


def _cells(columns: tuple[str, ...], values: Mapping[str, str]) -> str:
    return ",".join(f"`{values[name]}" for name in columns)


def _row(trade: Mapping[str, Any], when: str, refund: Mapping[str, Any] | None = None) -> dict[str, str]:
    total = trade["amount"]["total"]
    values = dict.fromkeys(COLUMNS, "0") | {
        "交易时间": when.replace("T", " ")[:19],
        "公众账号ID": trade["appid"],
        "商户号": trade["mchid"],
        "设备号": "",
        "微信订单号": trade["transaction_id"],
        "商户订单号": trade["out_trade_no"],
        "用户标识": trade["payer"]["openid"],
        "交易类型": trade["type"],
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "商品名称": trade["description"],
        "商户数据包": "",
        "费率": f"{_RATE * 100:.2f}%",
        "费率备注": "",
    }
    zero = ("应结订单金额", "代金券金额", "退款金额", "充值券退款金额", "订单金额", "申请退款金额")
    values |= dict.fromkeys(zero, "0.00")
    if refund is None:
        paid = {"交易状态": "SUCCESS", "应结订单金额": yuan(total), "订单金额": yuan(total)}
        none = {"退款类型": "", "退款状态": "", "手续费": f"{total * _RATE / 100:.5f}"}
        return values | paid | none
    fen = refund["amount"]["refund"]
    return values | {
        "交易状态": "REFUND",
        "微信退款单号": refund["refund_id"],
        "商户退款单号": refund["out_refund_no"],
        "退款金额": yuan(fen),
        "申请退款金额": yuan(fen),
        "退款类型": "ORIGINAL",
        "退款状态": {"ABNORMAL": "CHANGE"}.get(refund["status"], refund["status"]),
        "手续费": f"{-fen * _RATE / 100:.5f}",
    }


def _summary(rows: list[dict[str, str]]) -> dict[str, str]:
    def total(name: str) -> Decimal:
        return sum((Decimal(row[name]) for row in rows), Decimal())

    values = dict.fromkeys(SUMMARY, "0.00")
    return values | {
        "总交易单数": str(len(rows)),
        "应结订单总金额": f"{total('应结订单金额'):.2f}",
        "退款总金额": f"{total('退款金额'):.2f}",
        "手续费总金额": f"{total('手续费'):.5f}",
        "订单总金额": f"{total('订单金额'):.2f}",
        "申请退款总金额": f"{total('申请退款金额'):.2f}",
    }
