"""How often one may try: counted in the database, so that it holds for all processes and through restarts.

Every try is written down and committed before it is counted and before anything is checked: of many tries at the same
moment each sees those committed before it, so no more than the limit get through.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, func, select

from app.adapters.clock import now
from app.extensions import db
from app.models import SignInAttempt
from app.rules.faults import Fault
from app.rules.text import N_
from app.services.unit import unit_of_work

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 8
"""Wrong tries for one name within the window."""

PER_ADDRESS = 40
"""Wrong tries from one network within the window: a whole office may share an address."""


class TooManyAttempts(Fault):
    """Too many wrong tries for one name or from one network."""

    status = 429
    sentence = N_("尝试次数过多，请 15 分钟后再试")


def attempt(name: str, address: str, mark: str = "") -> list[int]:
    """Write down a try for a name from an address; returns its rows for `forgive`. Raises TooManyAttempts.

    Right tries are to be forgiven, so only wrong ones count. A refused try counts too. Where the browser proves by its
    `mark` that this name has signed in there before, it has a counter of its own, and others' tries do not stop it.
    """
    limits = {known_as(name): PER_ACCOUNT, _key("address", _network(address)): PER_ADDRESS}
    if mark:
        limits = {_key("mark", mark): PER_ACCOUNT}
    with unit_of_work():
        db.session.execute(delete(SignInAttempt).where(SignInAttempt.at < now() - WINDOW))
        rows = [SignInAttempt(key=key) for key in limits]
        db.session.add_all(rows)
        db.session.flush()
        ids = [row.id for row in rows]
    since = now() - WINDOW
    for key, limit in limits.items():
        counted = select(func.count()).where(SignInAttempt.key == key, SignInAttempt.at >= since)
        if (db.session.scalar(counted) or 0) > limit:
            raise TooManyAttempts
    return ids


def forgive(name: str, ids: list[int], mark: str = "") -> None:
    """The try was right: it and the earlier wrong ones for this name, or of this browser, no longer count.

    Those of the network do, and from a known browser those for the name: they were somebody else's.
    """
    with unit_of_work():
        db.session.execute(delete(SignInAttempt).where(SignInAttempt.id.in_(ids)))
        if mark:
            db.session.execute(delete(SignInAttempt).where(SignInAttempt.key == _key("mark", mark)))
        else:
            clear(name)


def clear(name: str) -> None:
    """Forget all wrong tries for a name. Inside a unit."""
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.key == known_as(name)))


def known_as(name: str) -> str:
    """A name as it is counted: however it is typed, and unreadable."""
    return _key("name", _plain(name))


def _key(kind: str, text: str) -> str:
    digest: str = current_app.extensions["keys"].digest(f"{kind}:{text}")
    return digest


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: a single customer has all addresses of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network(f"{parsed}/64", strict=False))
    return str(parsed)
