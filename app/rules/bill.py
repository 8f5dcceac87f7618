"""WeChat Pay's trade bill as text: one line a payment or refund, then a summary. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

_BEIJING = timezone(timedelta(hours=8))  # bills know no summer time

COLUMNS = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型",
    "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号", "商户退款单号", "退款金额",
    "充值券退款金额", "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额",
    "费率备注",
)  # fmt: skip
"""The columns of a bill of the type ALL, in WeChat's order."""

SUMMARY = (
    "总交易单数", "应结订单总金额", "退款总金额", "充值券退款总金额", "手续费总金额", "订单总金额", "申请退款总金额",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One payment or refund. `number` is ours: out_trade_no, or out_refund_no of a refund; `fen` what was asked for."""

    kind: str
    number: str
    out_trade_no: str
    transaction_id: str
    fen: int
    status: str
    at: datetime


@dataclass
class Bill:
    """A day's lines; `strange` holds what could not be understood, by place; `stated` is WeChat's own summary."""

    lines: list[Line] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    stated: Mapping[str, str] = field(default_factory=dict)

    def total(self, kind: str) -> int:
        """Fen of all lines of a kind."""
        return sum(line.fen for line in self.lines if line.kind == kind)


def fen(yuan: str) -> int:
    """Fen of an amount like `15.00`, without floating point. Raises ValueError for anything but whole fen."""
    try:
        exact = Decimal(yuan) * 100
    except InvalidOperation:
        raise ValueError(yuan) from None
    if not exact.is_finite() or exact != int(exact):
        raise ValueError(yuan)
    return int(exact)


def parse(text: str) -> Bill:
    """Read a bill. Every cell begins with a backquote and none is quoted, so a name may hold commas and quotes."""
    bill, head = Bill(), list[str]()
    for place, row in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        if not row.startswith("`"):
            head = [cell.strip() for cell in row.split(",")]
            continue
        cells = [cell.strip() for cell in row[1:].split(",`")]
        values = dict(zip(head, cells, strict=False))
        if head and head[0] == SUMMARY[0]:
            bill.stated = values
            continue
        line = _line(values) if len(cells) == len(head) else None
        if line is None:
            bill.strange.append(f"line {place}")
        else:
            bill.lines.append(line)
    return bill


def _line(cells: Mapping[str, str]) -> Line | None:
    try:
        refund = {"SUCCESS": False, "REFUND": True}[cells["交易状态"]]
        amount = _first(cells, ("申请退款金额", "退款金额") if refund else ("订单金额", "应结订单金额"))
        return Line(
            kind="refund" if refund else "payment",
            number=cells["商户退款单号" if refund else "商户订单号"],
            out_trade_no=cells["商户订单号"],
            transaction_id=cells["微信订单号"],
            fen=fen(amount),
            status=cells["退款状态"] if refund else cells["交易状态"],
            at=datetime.strptime(cells["交易时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING),
        )
    except (KeyError, ValueError):
        return None


def _first(cells: Mapping[str, str], names: Sequence[str]) -> str:
    return next((cells[name] for name in names if cells.get(name)), "")


def summary_faults(bill: Bill) -> list[tuple[int, int]]:
    """Where the lines do not add up to WeChat's own summary: pairs of (from the lines, as stated), counts or fen."""
    if not bill.stated:
        return [] if not bill.lines else [(len(bill.lines), 0)]
    paid, refunded = ("订单总金额", "应结订单总金额"), ("申请退款总金额", "退款总金额")
    try:
        stated = [int(bill.stated["总交易单数"]), fen(_first(bill.stated, paid)), fen(_first(bill.stated, refunded))]
    except (KeyError, ValueError):
        return [(len(bill.lines), 0)]
    found = [len(bill.lines) + len(bill.strange), bill.total("payment"), bill.total("refund")]
    return [(mine, theirs) for mine, theirs in zip(found, stated, strict=True) if mine != theirs]
