"""Was it fixed? The last rejection's reasons against what the order is now, as far as the machine can tell."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from app.models import Decision, DecisionReason, Form, Order, Photo, PhotoCheck, Reason
from app.services.review.reasons import checks_behind


@dataclass(frozen=True)
class Remedy:
    """One reason of the last rejection.

    `old` and `new` are the named check's finding then and now, where one stands behind the reason. `fixed` is None
    where the machine cannot tell.
    """

    reason: DecisionReason
    old: PhotoCheck | None = None
    new: PhotoCheck | None = None
    fixed: bool | None = None


def remedies(order: Order, rejected: Decision, old: Photo, old_form: Form, reasons: Sequence[Reason]) -> list[Remedy]:
    """One remedy for each reason of a rejection, against the order's photo, form and code of today."""
    by_code = {reason.code: reason for reason in reasons}
    found = []
    for row in rejected.reasons:
        if row.target == "photo":
            behind = checks_behind(by_code[row.code]) if row.code in by_code else set()
            found.append(_of_photo(row, behind, old.checks, order.photo.checks if order.photo else ()))
        elif row.target == "code":
            code = order.code
            found.append(Remedy(row, fixed=code is not None and code.uploaded_at > rejected.at))
        else:
            name = row.target.removeprefix("form:")
            found.append(Remedy(row, fixed=getattr(order.form, name, None) != getattr(old_form, name, None)))
    return found


def _of_photo(
    row: DecisionReason, behind: Set[str], before: Sequence[PhotoCheck], after: Sequence[PhotoCheck]
) -> Remedy:
    then = {check.code: check for check in before if check.code in behind and check.verdict != "skipped"}
    today = {check.code: check for check in after if check.code in behind and check.verdict != "skipped"}
    if not today:
        return Remedy(row)
    rank = {"fail": 0, "warn": 1, "pass": 2}
    worst_now = min(today.values(), key=lambda check: rank[check.verdict])
    named = min(then.values(), key=lambda check: rank[check.verdict], default=None)
    shown = worst_now.code if worst_now.verdict != "pass" or named is None else named.code
    return Remedy(row, then.get(shown), today.get(shown, worst_now), worst_now.verdict == "pass")
