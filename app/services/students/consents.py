"""The two separate consents: their texts, giving and withdrawing. Nothing is uploaded before both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, or_, select

from app.adapters.clock import now
from app.extensions import db
from app.models import Account, Consent, Order
from app.rules.faults import ActionNotAllowed, Invalid
from app.rules.states import OrderState
from app.rules.text import N_
from app.services.rounds import patiently
from app.services.unit import unit_of_work
from app.services.upkeep import expiry

WITHDRAWN = "撤回同意"
_ENDS = [state.value for state in (OrderState.DRAFT, OrderState.PENDING_PAYMENT, *expiry.CLOSABLE)]


class ConsentNeeded(ActionNotAllowed):
    """Both consents come before anything is kept; the page that asks for them is the way on."""

    sentence = N_("请先阅读并同意隐私说明")


@dataclass(frozen=True)
class ConsentText:
    """What somebody agrees to; a changed text gets a new version."""

    version: str
    title: str
    body: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.version}\n{self.title}\n{self.body}".encode()).hexdigest()


NOTICE: Sequence[tuple[str, str]] = (
    (
        N_("我们收集什么，为什么"),
        N_(
            "制作毕业生照片所必需的信息：照片、图像采集码、姓名、学号、证件号、院系班级和联系方式。"
            "没有这些信息，照片无法对应到您的学籍。"
        ),
    ),
    (
        N_("怎么处理"),
        N_(
            "程序在本系统内检测照片质量，不做身份识别，也不发送给任何外部服务；检测只给出建议，"
            "您可以随时申请由人工审核。审核员、制作员和您学校的老师在工作需要时查看。"
        ),
    ),
    (
        N_("怎么保护"),
        N_("证件号与电话加密保存，页面上只显示部分。工作人员每次查看您的照片都会记录，您可以在“我的”中看到。"),
    ),
    (
        N_("保存多久"),
        N_("采集批次结束后按学校规定的期限删除照片和证件号；支付记录按法律规定保留。"),
    ),
    (
        N_("您的权利"),
        N_(
            "在“我的”中可以查看、下载全部数据，撤回同意，申请删除；信息在提交前和被驳回后可以修改。疑问请拨打首页的咨询电话。"
        ),
    ),
)
"""The notice before the consents: title and text."""

TEXTS: Mapping[str, ConsentText] = {
    "portrait": ConsentText(
        "1",
        N_("同意采集和处理我的人像"),
        N_(
            "人像属于敏感个人信息。为制作毕业证书、学位证书照片，我们需要收集您的照片，由程序检测质量并由审核员查看。"
            "照片只保存在本系统，不提供给其他用途，项目结束后按期限删除。您可以随时撤回同意；撤回后无法继续采集。"
        ),
    ),
    "handover": ConsentText(
        "1",
        N_("同意将照片和信息提供给学校与学信网"),
        N_(
            "审核通过后，您的照片、姓名、证件号、学号和图像采集码将提供给您的学校以及学信网，用于学历电子注册和证书印制。"
            "已经交付的照片无法从对方系统中撤回。"
        ),
    ),
}


def held(account_id: int) -> dict[str, Consent]:
    """The consents in force, by kind; one given to an older text does not count."""
    rows = db.session.scalars(
        select(Consent).where(Consent.account_id == account_id, Consent.withdrawn_at.is_(None)).order_by(Consent.id)
    )
    return {row.kind: row for row in rows if row.kind in TEXTS and row.text_version == TEXTS[row.kind].version}


def complete(account_id: int) -> bool:
    """Whether both consents are in force."""
    return set(held(account_id)) == set(TEXTS)


def give(account_id: int, kinds: set[str]) -> None:
    """Store consents with text version, hash and time. Raises Invalid unless each was ticked on its own."""
    if kinds != set(TEXTS):
        raise Invalid(N_("请分别勾选两项同意后继续"))
    with unit_of_work():
        have = held(account_id)
        for kind in sorted(kinds - set(have)):
            text = TEXTS[kind]
            db.session.add(
                Consent(account_id=account_id, kind=kind, text_version=text.version, text_sha256=text.sha256)
            )


def agreed() -> ColumnElement[bool]:
    """Orders with both consents in force, of whatever text version; a photo taken on site has its consent on paper."""
    given = (
        exists().where(Consent.account_id == Order.account_id, Consent.kind == kind, Consent.withdrawn_at.is_(None))
        for kind in TEXTS
    )
    return or_(Order.account_id.is_(None), and_(*given))


def withdraw(account_id: int) -> list[str]:
    """Withdraw both consents and close what is not in a batch yet; returns the numbers of orders that stay."""
    with unit_of_work():
        account = db.session.get_one(Account, account_id)
        for consent in account.consents:
            consent.withdrawn_at = consent.withdrawn_at or now()
    mine = select(Order.id).where(Order.account_id == account_id)
    for order_id in db.session.scalars(mine.where(Order.state.in_(_ENDS))).all():
        expiry.end(order_id, WITHDRAWN)
    stays = Order.state.in_([s.value for s in (*expiry.CLOSABLE, OrderState.IN_PRODUCTION, OrderState.COMPLETED)])
    return list(db.session.scalars(mine.with_only_columns(Order.number).where(stays).order_by(Order.id)))


def end_withdrawn(limit: int = 500) -> int:
    """End orders whose student agrees no longer. Returns how many.

    They were in a batch that was discarded, came back by a recall, were paid late, or WeChat or we fell silent while
    they were to be ended.
    """
    asked = exists().where(Consent.account_id == Order.account_id, Consent.withdrawn_at.is_not(None))
    query = select(Order.id).where(Order.state.in_(_ENDS), asked, ~agreed()).order_by(Order.id).limit(limit)
    done: list[bool] = []
    patiently(db.session.scalars(query).all(), lambda order_id: done.append(expiry.end(order_id, WITHDRAWN)))
    return sum(done)
