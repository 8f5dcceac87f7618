"""Browsers in which a member of staff has signed in before: they are counted apart.

Anybody can type a colleague's name and wrong passwords until it is locked. Whoever has signed in with it before holds a
signed mark in the browser, and with it a counter of their own (OWASP, "Device cookies"): guessing from outside stops
only those who come from a new browser.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.services.access import throttle

KEPT = timedelta(days=90)
MOST = 5
"""So many people share a browser; the one who signed in longest ago is forgotten."""


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known-browser")


def _marks(kept: str) -> dict[str, str]:
    try:
        found = _serializer().loads(kept, max_age=int(KEPT.total_seconds()))
    except BadSignature:
        return {}
    return dict(found)


def mark_of(kept: str, name: str) -> str:
    """What counts this name's tries in the browser that keeps `kept`; empty where it never signed in there."""
    return _marks(kept).get(throttle.known_as(name), "")


def with_mark(kept: str, name: str) -> str:
    """What the browser shall keep now that this name has signed in: a fresh mark, and those of others."""
    mine = throttle.known_as(name)
    others = [(who, mark) for who, mark in _marks(kept).items() if who != mine]
    made: str = _serializer().dumps(dict([*others, (mine, secrets.token_hex(16))][-MOST:]))
    return made
