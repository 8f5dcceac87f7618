"""WeChat's trade bill as text: backquotes instead of quotes, every column, a summary that must add up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.bill import COLUMNS, SUMMARY, fen, parse, summary_faults


def row(**values: str) -> str:
    base = dict.fromkeys(COLUMNS, "") | {
        "交易时间": "2026-11-24 00:00:01", "商户订单号": "P1", "微信订单号": "42", "交易状态": "SUCCESS",
        "应结订单金额": "14.00", "订单金额": "15.00", "退款金额": "0.00", "申请退款金额": "0.00",
    }  # fmt: skip
    return ",".join(f"`{value}" for value in (base | values).values())


def text(*rows: str, **stated: str) -> str:
    base = dict.fromkeys(SUMMARY, "0.00") | {"总交易单数": str(len(rows))} | stated
    end = [",".join(SUMMARY), ",".join(f"`{value}" for value in base.values())]
    return "\ufeff" + "\r\n".join([",".join(COLUMNS), *rows, *end]) + "\r\n"


REFUND = {
    "交易状态": "REFUND",
    "商户退款单号": "R1",
    "退款状态": "PROCESSING",
    "申请退款金额": "15.00",
    "订单金额": "0.00",
}


def test_a_payment_is_what_was_asked_for_not_what_is_settled_after_coupons() -> None:
    (line,) = parse(text(row(), 订单总金额="15.00")).lines
    assert (line.kind, line.number, line.fen, line.transaction_id) == ("payment", "P1", 1500, "42")
    assert line.at == datetime(2026, 11, 23, 16, 0, 1, tzinfo=UTC)  # bills are in Beijing time


def test_a_refund_carries_our_refund_number_and_its_own_status() -> None:
    (line,) = parse(text(row(**REFUND), 申请退款总金额="15.00")).lines
    assert (line.kind, line.number, line.out_trade_no, line.fen) == ("refund", "R1", "P1", 1500)
    assert line.status == "PROCESSING"


@pytest.mark.parametrize("name", ['毕业照,"精装"', "它说 'a' , b", "a,b,c", '"', "`x"])
def test_a_name_may_hold_commas_and_quotes(name: str) -> None:
    bill = parse(text(row(商品名称=name), 订单总金额="15.00"))
    assert (len(bill.lines), bill.strange) == (1, [])


@pytest.mark.parametrize(
    "broken", [{"交易状态": "REVOKED"}, {"订单金额": "15.001"}, {"订单金额": "x"}, {"交易时间": "yesterday"}]
)
def test_what_cannot_be_understood_is_named_and_never_dropped(broken: dict[str, str]) -> None:
    bill = parse(text(row(), row(**broken), 订单总金额="15.00"))
    assert (len(bill.lines), bill.strange) == (1, ["line 3"])


def test_the_summary_must_add_up() -> None:
    good = {"订单总金额": "30.00", "申请退款总金额": "15.00"}
    rows = (row(), row(商户订单号="P2"), row(**REFUND))
    assert summary_faults(parse(text(*rows, **good))) == []
    assert summary_faults(parse(text(*rows, **good | {"总交易单数": "4"}))) == [(3, 4)]
    assert summary_faults(parse(text(*rows, **good | {"订单总金额": "45.00"}))) == [(3000, 4500)]
    assert summary_faults(parse(text(*rows, **good | {"申请退款总金额": "x"}))) == [(3, 0)]


def test_a_bill_that_was_cut_off_is_noticed() -> None:
    whole = text(row(), 订单总金额="15.00")
    assert summary_faults(parse(whole[: whole.index("总交易")])) == [(1, 0)]


def test_an_empty_bill_is_no_difference() -> None:
    assert summary_faults(parse("")) == [] and parse("").lines == []


@pytest.mark.parametrize(
    ("yuan", "wanted"), [("15.00", 1500), ("0.01", 1), ("15", 1500), ("15.5", 1550), ("-1.00", -100)]
)
def test_yuan_become_fen(yuan: str, wanted: int) -> None:
    assert fen(yuan) == wanted


@pytest.mark.parametrize("yuan", ["", "0.001", "1,000.00", "NaN", "Infinity", "¥1"])
def test_what_is_no_whole_fen_is_refused(yuan: str) -> None:
    with pytest.raises(ValueError):
        fen(yuan)


@given(st.integers(0, 10**9))
def test_every_fen_comes_back(amount: int) -> None:
    assert fen(f"{amount // 100}.{amount % 100:02d}") == amount
