"""Money in a real browser: paid at the cashier or in WeChat's dialog, given back with a cause, told to the fen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.adapters.clock import beijing, now
from app.extensions import db
from app.models import Identity, Order, Payment, Refund
from app.rules.states import OrderState, Role
from app.services.money import reconciliation, refunds
from tests.browser.conftest import DESKTOP
from tests.browser.site import served, signed_in
from tests.conftest import Shop
from tests.factories import Cast, make_cast, make_order, make_staff
from tests.services.money import later

IN_WECHAT = "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile MicroMessenger/8.0.49"
BRIDGE = """window.WeixinJSBridge = {
  invoke: async (name, values, back) => { await window.payInWeChat(values.package); back({err_msg: "ok"}); },
};"""


@pytest.fixture
def till(shop: Shop) -> Iterator[str]:
    """The shop's address, known to the simulator too: it sends payers and callbacks there."""
    with served(shop.app) as url:
        shop.app.config["PUBLIC_URL"] = shop.wechat.config["SHOP"] = url
        yield url


def _waiting(cast: Cast) -> Order:
    return make_order(cast.campaign, OrderState.PENDING_PAYMENT, account=cast.student)


def test_paid_at_the_cashier_and_given_back_by_finance(shop: Shop, till: str, open_page: Any) -> None:
    cast, staff = make_cast(), make_staff(Role.FINANCE)
    number = _waiting(cast).number
    student = signed_in(open_page(), shop.app, till, cast.student)
    _pay_at_the_cashier(student, f"{till}/orders/{number}")
    finance = signed_in(open_page(DESKTOP), shop.app, till, staff)
    _refund(finance, till, number)
    _student_reads(student, till, number, "退款中")
    _until_the_money_is_back()
    _student_reads(student, till, number, "已退款")
    student.goto(f"{till}/orders/{number}/receipt")
    expect(student.locator(".cells")).to_contain_text("已退款 ¥15.00")
    _story_is_told(finance, till, number)


def _pay_at_the_cashier(page: Page, order: str) -> None:
    page.goto(order)
    expect(page.locator("#state")).to_have_text("待支付")
    page.get_by_role("link", name="去支付").click()
    expect(page.locator(".amount")).to_have_text("¥15.00")
    page.get_by_role("button", name="微信支付").click()
    expect(page.get_by_role("img", name="微信支付二维码")).to_be_visible()
    page.get_by_role("link", name="打开模拟收银台").click()
    page.get_by_role("button", name="确认支付").click()
    expect(page.locator("h1")).to_have_text("支付成功")
    page.get_by_role("link", name="查看收据").click()
    expect(page.locator(".cells")).to_contain_text("微信支付单号")
    page.get_by_role("link", name="返回订单").last.click()
    expect(page.locator("#state")).to_have_text("待审核")


def _refund(page: Page, till: str, number: str) -> None:
    page.goto(f"{till}/finance/")
    page.get_by_label("单号").fill(number)
    page.get_by_role("button", name="查找").click()
    page.get_by_role("link", name=number).click()
    page.get_by_label("退款原因").fill("学生重复报名")
    page.get_by_role("button", name="退款并关闭订单").click()
    expect(page.get_by_text("退款已受理")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("退款中")
    expect(page.get_by_role("button", name="退款并关闭订单")).to_have_count(0)


def _student_reads(page: Page, till: str, number: str, state: str) -> None:
    page.goto(f"{till}/orders/{number}")
    expect(page.locator("#state")).to_have_text(state)
    expect(page.get_by_text(f"退款 ¥15.00：{state}")).to_be_visible()


def _until_the_money_is_back() -> None:
    for minutes in (1, 5):
        db.session.rollback()  # what the browser's requests have written meanwhile
        with later(minutes=minutes):
            refunds.drive_due()
    db.session.rollback()
    assert db.session.query(Refund).one().state == "succeeded"


def _story_is_told(page: Page, till: str, number: str) -> None:
    """Both sides come to nothing, and every line stands at its place."""
    today = beijing(now()).date()
    with later(days=1):
        assert reconciliation.compare(today) == 0
    page.goto(f"{till}/finance/orders/{number}")
    expect(page.locator(".figures dd")).to_have_text(["¥15.00", "¥0.00", "¥0.00"])
    lines = page.locator(".story tbody tr")
    told = [" ".join(line.split()) for line in lines.all_inner_texts()]
    for wanted in (
        "发起支付",
        "收到款项",
        "支付",
        "发起全额退款：学生重复报名",
        "已退款",
        "账单记为收款",
        "账单记为退款",
    ):
        assert any(wanted in line for line in told), (wanted, told)
    assert sum("¥15.00" in line and "−" not in line for line in told if "收到款项" in line or "账单" in line) == 2
    assert sum("−¥15.00" in line for line in told) == 2


def test_paid_in_wechats_own_dialog(shop: Shop, till: str, open_page: Any) -> None:
    cast = make_cast()
    appid = shop.app.config["WECHAT_APPID"]
    db.session.add(Identity(account_id=cast.student.id, provider="wechat", appid=appid, openid="o-phone"))
    order = _waiting(cast)
    page = signed_in(open_page(user_agent=IN_WECHAT), shop.app, till, cast.student)
    page.expose_function("payInWeChat", lambda package: shop.scan_and_pay(_number(package, shop)))
    page.add_init_script(BRIDGE)
    page.goto(f"{till}/orders/{order.number}/pay")
    page.get_by_role("button", name="微信支付").click()
    page.get_by_role("button", name="确认支付").click()
    expect(page.locator("h1")).to_have_text("支付成功")  # no callback came: the page's return asked
    db.session.rollback()
    paid = db.session.query(Payment).one()
    assert (paid.method, paid.state, paid.evidence) == ("jsapi", "paid", "query")
    assert shop.state.trades[paid.out_trade_no]["payer"] == {"openid": "o-phone"}


def _number(package: str, shop: Shop) -> str:
    """The trade that a prepay_id opened."""
    return next(number for number in shop.state.trades if package.startswith(f"prepay_id=wx{number}"))
