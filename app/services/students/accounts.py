"""Students' accounts: one per unionid, else per (appid, openid)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence

import filetype
from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.adapters.clock import now
from app.adapters.storage import storage
from app.adapters.wechat import Profile
from app.extensions import db
from app.models import Account, Consent, Identity, Order, RequestKind, RequestState, StudentRequest
from app.rules.faults import Invalid, NotFound, TooLarge
from app.rules.states import LIVE, Action, OrderState, Role
from app.rules.text import N_
from app.services.transitions import Actor, perform
from app.services.unit import unit_of_work

log = logging.getLogger(__name__)

PROVIDER = "wechat"
AVATAR_BYTES = 2 * 1024**2
AVATAR_KINDS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


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
        known = _by_unionid(profile.unionid)
        if identity is not None:
            identity.unionid = profile.unionid or identity.unionid
            if known is not None and known.id != identity.account_id:
                return _merged(known, identity.account)
            return identity.account
        account = known
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
    query = select(Account).join(Identity).where(Identity.unionid == unionid).order_by(Account.id).limit(1)
    return db.session.scalar(query)


def _merged(one: Account, other: Account) -> Account:
    """One person turned out to have two accounts: WeChat told the unionid only later. The older one takes all.

    Where both hold a live order of the same campaign, drafts give way; two orders beyond drafts are left as they are,
    in their own accounts, for staff to sort out: nothing that was submitted or paid is dropped by a sign-in.
    """
    kept, gone = sorted((one, other), key=lambda account: account.id)
    if not _drafts_give_way(kept, gone):
        log.warning("accounts_not_merged kept=%s other=%s", kept.id, gone.id)
        return other
    _one_deletion_request(kept, gone)
    for table in (Identity, Consent, Order, StudentRequest):
        rows = update(table).where(table.account_id == gone.id).values(account_id=kept.id)  # type: ignore[attr-defined]
        db.session.execute(rows)
    kept.nickname = kept.nickname or gone.nickname
    if kept.avatar_key is None:
        kept.avatar_key, gone.avatar_key = gone.avatar_key, None
    gone.nickname, gone.erased_at = "", now()  # an avatar that stays with it goes with the next purge
    db.session.flush()
    db.session.expire_all()
    log.info("accounts_merged kept=%s gone=%s", kept.id, gone.id)
    return kept


def _one_deletion_request(kept: Account, gone: Account) -> None:
    """Where both ask for deletion, one request is enough."""
    asks = StudentRequest.kind == RequestKind.DELETION.value, StudentRequest.state == RequestState.OPEN.value
    if db.session.scalar(select(StudentRequest.id).where(*asks, StudentRequest.account_id == kept.id)) is not None:
        dropped = update(StudentRequest).where(*asks, StudentRequest.account_id == gone.id)
        db.session.execute(dropped.values(state=RequestState.DROPPED.value))


def _drafts_give_way(kept: Account, gone: Account) -> bool:
    """Discard the draft of each pair of live orders in one campaign. False when a pair has no draft."""
    mine = {order.campaign_id: order for order in _live_orders(kept.id)}
    pairs = [(mine[order.campaign_id], order) for order in _live_orders(gone.id) if order.campaign_id in mine]
    drafts = [next((o for o in (theirs, ours) if o.state == OrderState.DRAFT), None) for ours, theirs in pairs]
    if None in drafts:
        return False
    for draft in drafts:
        perform(draft, Action.DISCARD, Actor(Role.STUDENT), cause="accounts merged")  # type: ignore[arg-type]
    return True


def _live_orders(account_id: int) -> Sequence[Order]:
    live = [state.value for state in LIVE]
    return db.session.scalars(select(Order).where(Order.account_id == account_id, Order.state.in_(live))).all()


def get(account_id: int) -> Account:
    """A signed-in student's account."""
    return db.session.get_one(Account, account_id)


def holder(key: str) -> Account | None:
    """Whose cookie this is, from the account's number and how often it had signed out; None once that is over."""
    number, _sep, sign_outs = key.partition("-")
    account = db.session.get(Account, int(number)) if number.isdigit() else None
    open_still = account is not None and account.erased_at is None and sign_outs == str(account.sign_outs)
    return account if open_still else None


def sign_out(account_id: int) -> None:
    """End this account's sessions on every device: a copied or forgotten cookie is worth nothing afterwards."""
    with unit_of_work():
        account = db.session.get_one(Account, account_id, with_for_update=True)
        account.sign_outs += 1


def first() -> Account:
    """The oldest account: in a demo school the one with most to look at. Raises NotFound in an empty installation."""
    found = db.session.scalar(select(Account).order_by(Account.id).limit(1))
    if found is None:
        raise NotFound
    return found


def speak(account_id: int, locale: str) -> None:
    """The language for this student's notices."""
    with unit_of_work():
        db.session.get_one(Account, account_id).locale = locale


def show_face(account_id: int, data: bytes) -> None:
    """Keep a picture as the avatar, byte for byte: nothing of ours decodes it, and only its owner is ever sent it.

    Raises Invalid for what is no JPEG, PNG or WebP, TooLarge beyond 2 MB.
    """
    if len(data) > AVATAR_BYTES:
        raise TooLarge(mb=AVATAR_BYTES // 1024**2)
    kind = filetype.guess(data[:8192])
    if kind is None or kind.mime not in AVATAR_KINDS:
        raise Invalid(N_("头像请使用 JPEG、PNG 或 WebP 图片"))
    key = f"avatars/{secrets.token_hex(16)}.{AVATAR_KINDS[kind.mime]}"
    storage().put(key, data)
    with unit_of_work() as unit:
        account = db.session.get_one(Account, account_id)
        old, account.avatar_key = account.avatar_key, key
        if old:
            unit.after_commit(lambda: storage().delete(old))


def face(account_id: int) -> tuple[bytes, str] | None:
    """The avatar's bytes and their type, or None."""
    key = db.session.get_one(Account, account_id).avatar_key
    if not key:
        return None
    mimes = {suffix: mime for mime, suffix in AVATAR_KINDS.items()}
    try:
        return storage().get(key), mimes[key.rsplit(".", 1)[1]]
    except FileNotFoundError:
        return None


def rename(account_id: int, nickname: str) -> None:
    """Change the nickname shown to the student."""
    with unit_of_work():
        account = db.session.get_one(Account, account_id)
        account.nickname = "".join(char for char in nickname if char.isprintable()).strip()[:40]


def pays_with(account_id: int) -> str | None:
    """The openid at the app that pays and sends messages."""
    return db.session.scalar(
        select(Identity.openid).where(
            Identity.account_id == account_id, Identity.appid == current_app.config["WECHAT_APPID"]
        )
    )
