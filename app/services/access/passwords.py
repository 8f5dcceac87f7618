"""Passwords of staff: argon2id, what is too easy to guess, and ones made for a first sign-in."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from app.rules.faults import Invalid
from app.rules.text import N_

SHORTEST = 10
LONGEST = 200
_DIFFERENT = 5
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody")  # an unknown name costs the same time as a wrong password


def hashed(password: str) -> str:
    """The argon2id hash to store."""
    return _hasher.hash(password)


def fits(stored: str | None, password: str) -> bool:
    """Whether the password is the one behind this hash; as slow where there is none."""
    try:
        return _hasher.verify(stored or _NOBODY, password[:LONGEST]) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def check(password: str, name: str) -> None:
    """Raises Invalid, with a sentence, for a password that is too short, too long or easy to guess."""
    fault = ""
    if len(password) < SHORTEST:
        fault = N_("密码至少 10 个字符")
    elif len(password) > LONGEST:
        fault = N_("密码太长，请控制在 200 个字符以内")
    elif len(set(password)) < _DIFFERENT or (name and name.casefold() in password.casefold()):
        fault = N_("密码太容易猜到，请勿包含用户名，也不要只用几个相同的字符")
    if fault:
        raise Invalid(fault, {"password": fault})


def temporary() -> str:
    """A password to hand over, good for the first sign-in: 60 bits, easy to read out."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
