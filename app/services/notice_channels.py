"""How a notice reaches a student: one WeChat message for each consent given there, else e-mail."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from flask_babel import force_locale, get_locale, gettext
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app.adapters import mail, wechat_messages
from app.adapters.clock import now
from app.extensions import db
from app.models import Account, Decision, NoticeConsent, Order, StudentRequest
from app.rules.faults import Busy, Fault
from app.rules.labels import CODE_TAKEN, CODE_TAKEN_WAITS, NEXT_STEPS
from app.rules.states import OrderState
from app.services.students import accounts
from app.services.unit import unit_of_work


@dataclass(frozen=True)
class Words:
    """What a notice is about; `request_id` where staff answered a request."""

    kind: str
    title: str
    request_id: int = 0


def deliver(order: Order, words: Words) -> tuple[str, str]:
    """Which channel took it, or why none did."""
    number, account_id, address = order.number, order.account_id or 0, order.form.email if order.form else ""
    path = "/me/data" if words.kind.startswith("deletion_") else f"/orders/{number}"
    title, text = _written(order, words, path)
    failure = "no channel"
    scene = _take_consent(order.id) if wechat_messages.ready() else None
    if scene is not None:
        openid = accounts.pays_with(account_id) or ""
        try:
            wechat_messages.send(openid, scene, title, text, current_app.config["PUBLIC_URL"] + path)
            return "wechat", ""
        except Busy:
            failure = "wechat busy"
            _give_back(order.id, scene)
        except Fault as refused:
            failure = f"wechat {refused}"
    if address and mail.ready():
        try:
            mail.send(address, f"{current_app.config['SITE_TITLE']}：{title}", text)
            return "email", ""
        except OSError as error:
            failure = type(error).__name__
    return "", failure


def _written(order: Order, words: Words, path: str) -> tuple[str, str]:
    """Title and text in the student's language: what happened, why, what to do, where."""
    request = db.session.get(StudentRequest, words.request_id)
    account = db.session.get(Account, order.account_id)
    with force_locale(account.locale if account else "zh"):
        lines = [gettext("订单 %(number)s（%(school)s）", number=order.number, school=order.school.name)]
        lines += _reasons(order) if words.kind == "rejected" else []
        lines += [request.answer if request else gettext(_next_step(order, words.kind))]
        lines += [f"{current_app.config['PUBLIC_URL']}{path}"]
        return gettext(words.title), "\n".join(lines)


def _next_step(order: Order, kind: str) -> str:
    if kind != "code_taken":
        return NEXT_STEPS[order.state]
    return CODE_TAKEN_WAITS if order.state == OrderState.PENDING_REVIEW else CODE_TAKEN


def _reasons(order: Order) -> list[str]:
    decision = db.session.get(Decision, order.decision_id) if order.decision_id else None
    english = str(get_locale()) == "en"
    return [reason.text_en if english else reason.text_zh for reason in decision.reasons] if decision else []


def next_scene(order: Order) -> int:
    """The scene to ask under: WeChat counts one message for each scene that a person allowed."""
    query = select(func.count()).select_from(NoticeConsent).join(Order).where(Order.account_id == order.account_id)
    return (db.session.scalar(query) or 0) % wechat_messages.SCENES + 1


def consented(order_id: int, scene: int) -> bool:
    """Note that the student allowed one message under this scene; False when that was known already."""
    try:
        with unit_of_work():
            db.session.add(NoticeConsent(order_id=order_id, scene=scene))
    except IntegrityError:
        return False
    return True


def _take_consent(order_id: int) -> int | None:
    """Use up the oldest consent; its scene, or None when there is none."""
    with unit_of_work():
        found = db.session.scalar(
            select(NoticeConsent)
            .where(NoticeConsent.order_id == order_id, NoticeConsent.used_at.is_(None))
            .order_by(NoticeConsent.id)
            .limit(1)
        )
        if found is None:
            return None
        found.used_at = now()
        return found.scene


def _give_back(order_id: int, scene: int) -> None:
    with unit_of_work():
        where = NoticeConsent.order_id == order_id, NoticeConsent.scene == scene
        db.session.execute(update(NoticeConsent).where(*where).values(used_at=None))
