"""Students' accounts: one per unionid, else per (appid, openid)."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.adapters.wechat import Profile
from app.extensions import db
from app.models import Account, Identity
from app.services.unit import unit_of_work

PROVIDER = "wechat"


def sign_in(profile: Profile) -> Account:
    """The account of somebody who signed in with WeChat, made on the first visit."""
    try:
        return _sign_in(profile)
    except IntegrityError:  # two first sign-ins at once
        return _sign_in(profile)


def _sign_in(profile: Profile) -> Account:
    with unit_of_work():
        identity = db.session.scalar(
            select(Identity).where(Identity.appid == profile.appid, Identity.openid == profile.openid)
        )
        if identity is not None:
            identity.unionid = identity.unionid or profile.unionid
            return identity.account
        account = _by_unionid(profile.unionid)
        if account is None:
            account = Account(nickname=profile.nickname)
            db.session.add(account)
            db.session.flush()
        db.session.add(
            Identity(
                account_id=account.id,
                provider=PROVIDER,
                appid=profile.appid,
                openid=profile.openid,
                unionid=profile.unionid,
            )
        )
        return account


def _by_unionid(unionid: str | None) -> Account | None:
    if not unionid:
        return None
    return db.session.scalar(select(Account).join(Identity).where(Identity.unionid == unionid).limit(1))


def rename(account_id: int, nickname: str) -> None:
    """Change the nickname shown to the student."""
    with unit_of_work():
        db.session.get_one(Account, account_id).nickname = nickname.strip()[:40]


def ask_deletion(account_id: int) -> None:
    """Note that the student wants their data deleted; staff answer, retention carries it out."""
    with unit_of_work():
        account = db.session.get_one(Account, account_id)
        account.deletion_requested_at = account.deletion_requested_at or now()


def pays_with(account_id: int) -> str | None:
    """The openid at the app that pays and sends messages."""
    return db.session.scalar(
        select(Identity.openid).where(
            Identity.account_id == account_id, Identity.appid == current_app.config["WECHAT_APPID"]
        )
    )
