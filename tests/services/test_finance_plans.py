"""Finance's questions find their rows by an index, however many years of payments there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest

from app.models import Staff
from app.rules.states import OrderState, Role
from app.services.money import differences, ledger, money_story
from app.services.money.ledger import Wanted
from tests.conftest import Shop
from tests.factories import make_campaign, make_order, make_school, make_staff
from tests.services.plans import explained, listening

DAY = date(2026, 11, 25)
QUESTIONS: dict[str, Callable[[Staff], object]] = {
    "the newest payments": lambda staff: ledger.payments_page(staff, Wanted()),
    "open payments": lambda staff: ledger.payments_page(staff, Wanted(state="open"), 1000),
    "a day's sum": lambda staff: ledger.payments_total(staff, Wanted(since=DAY, until=DAY)),
    "a day's paid sum": lambda staff: ledger.payments_total(staff, Wanted(state="paid", since=DAY, until=DAY)),
    "a number": lambda staff: ledger.payments_page(staff, Wanted(text="P1")),
    "refunds": lambda staff: ledger.refunds_page(staff, Wanted(state="failed")),
    "the figures on top": ledger.today,
    "odd callbacks": ledger.odd_callbacks,
    "open differences": lambda staff: differences.page(staff, None),
    "a day's differences": lambda staff: differences.page(staff, DAY, everything=True),
    "the compared days": differences.days,
}


@pytest.mark.parametrize("any_shop", ["postgresql"], indirect=True)
def test_finance_reads_no_table_from_end_to_end(any_shop: Shop) -> None:
    school = make_school("20001")
    order = make_order(make_campaign(school), OrderState.PENDING_PAYMENT, complete=False)
    for staff in (make_staff(Role.FINANCE), make_staff(Role.FINANCE, school)):
        for name, ask in (*QUESTIONS.items(), ("a story", lambda _staff: money_story.tell(order))):
            with listening() as asked:
                ask(staff)
            for statement, values in asked:
                plan = explained(statement, values, only_indexes=True)
                whole = [
                    line for line in plan if re.search(r'Seq Scan on "?(payment|refund|notify|bill|order|event)', line)
                ]
                assert not whole, (name, statement, whole)
