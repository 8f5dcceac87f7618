"""Submitting, and the ways back: resubmit, withdraw, appeal, edit, cancel, discard."""

from __future__ import annotations

from app.adapters.clock import now
from app.models import Decision, Order
from app.rules.faults import ActionNotAllowed, Invalid, StaleOrder
from app.rules.states import Action, OrderState
from app.rules.text import N_
from app.services import notices
from app.services.money import payments
from app.services.photos.prechecks import submittable
from app.services.students import consents
from app.services.submissions.campaigns import is_open
from app.services.submissions.shown import changed_since, code_changed_since, decision_shown, owned
from app.services.submissions.start import STUDENT
from app.services.submissions.uploads import must_be_editable
from app.services.transitions import Actor, perform
from app.services.unit import Unit, unit_of_work


def missing(order: Order) -> list[str]:
    """What still stands between this order and its submission, as sentences."""
    found = []
    if not consents.complete(order.account_id or 0):
        found.append(N_("请先阅读并同意隐私说明"))
    code = order.code
    if not order.code_unreadable and (code is None or code.payload is None):
        found.append(N_("请上传图像采集码"))
    if order.form is None:
        found.append(N_("请填写个人信息"))
    if not submittable(order.photo):
        found.append(N_("请上传合格的照片"))
    return found


def submit(account_id: int, number: str, seen_version: int) -> Order:
    """Submit a draft: freezes price, rule and background. Goes to payment, or to review where nothing is due."""
    with unit_of_work() as unit:
        order = owned(account_id, number)
        hand_in(unit, order, STUDENT, seen_version)
    return order


def hand_in(unit: Unit, order: Order, actor: Actor, seen_version: int) -> None:
    """Submit `order` in the open unit, whoever does it. Raises Invalid for what is missing."""
    _complete(order)
    campaign = order.campaign
    if not is_open(campaign):
        raise ActionNotAllowed(N_("该批次当前不在采集时间内"))
    due = 0 if payments.is_paid(order.id) else campaign.due_fen
    target = OrderState.PENDING_PAYMENT if due else OrderState.PENDING_REVIEW
    perform(order, Action.SUBMIT, actor, to=target, seen_version=seen_version)
    order.price_fen, order.rule_id = campaign.due_fen, campaign.rule_id
    order.background, order.background_policy = campaign.background, campaign.background_policy
    order.submitted_at = now()
    notices.order_moved(unit, order, "submitted")


def _complete(order: Order) -> None:
    found = missing(order)
    if found:
        raise Invalid(found[0])


def resubmit(account_id: int, number: str, seen_version: int) -> Order:
    """Back to review after a rejection or a withdrawal; never paid twice."""
    with unit_of_work() as unit:
        order = owned(account_id, number)
        must_be_editable(order)
        _complete(order)
        decision = decision_shown(order)
        if OrderState(order.state) is OrderState.REJECTED and decision is not None:
            _changed(order, decision)
        perform(order, Action.RESUBMIT, STUDENT, seen_version=seen_version)
        notices.order_moved(unit, order, "resubmitted")
    return order


def _changed(order: Order, decision: Decision) -> None:
    """Each named place must have been touched: a photo reason asks for a new photo, a field for a new form."""
    targets = {reason.target for reason in decision.reasons}
    if "photo" in targets and order.photo_id == decision.photo_id:
        raise Invalid(N_("请先更换被驳回的照片"))
    if any(target.startswith("form") for target in targets) and order.form_id == decision.form_id:
        raise Invalid(N_("请先修改被驳回的信息"))
    if "code" in targets and not code_changed_since(order, decision):
        raise Invalid(N_("请先重新上传图像采集码"))


def withdraw(account_id: int, number: str, seen_version: int) -> None:
    """撤回审核. Not while a decision waits to become visible: it has been made."""
    _simple(account_id, number, seen_version, Action.WITHDRAW)


def discard(account_id: int, number: str, seen_version: int) -> None:
    """Give up a draft."""
    _simple(account_id, number, seen_version, Action.DISCARD)


def _simple(account_id: int, number: str, seen_version: int, action: Action) -> None:
    with unit_of_work():
        perform(owned(account_id, number), action, STUDENT, seen_version=seen_version)


def appeal(account_id: int, number: str, seen_version: int) -> None:
    """申诉: once per decision; only another reviewer may decide it."""
    with unit_of_work() as unit:
        order = owned(account_id, number)
        decision = decision_shown(order)
        if decision is None or decision.outcome != "rejected" or decision.appealed_at is not None:
            raise ActionNotAllowed(N_("这次驳回不能再次申诉"))
        if changed_since(order, decision):
            raise ActionNotAllowed(N_("已经修改过的订单请重新提交，无需申诉"))
        perform(order, Action.APPEAL, STUDENT, seen_version=seen_version, decision_id=decision.id)
        decision.appealed_at = now()
        notices.order_moved(unit, order, "appealed")


def edit(account_id: int, number: str, seen_version: int) -> bool:
    """Back from payment to the form. The open payment is closed first; False when it turned out to be paid."""
    return _unpaid(account_id, number, seen_version, Action.EDIT)


def cancel(account_id: int, number: str, seen_version: int) -> bool:
    """Cancel an unpaid order. The open payment is closed first; False when it turned out to be paid."""
    return _unpaid(account_id, number, seen_version, Action.CANCEL)


def _unpaid(account_id: int, number: str, seen_version: int, action: Action) -> bool:
    order = owned(account_id, number)
    if order.version != seen_version:
        raise StaleOrder
    if OrderState(order.state) is not OrderState.PENDING_PAYMENT:
        raise ActionNotAllowed
    return payments.leave(order.id, action, STUDENT)
