"""The second factor of staff: time-based codes (RFC 6238), and recovery codes for the day the phone is lost."""

from __future__ import annotations

import secrets
import time

import pyotp
from flask import current_app
from sqlalchemy import delete, func, select, update

from app.adapters.clock import now
from app.extensions import db
from app.models import RecoveryCode, Staff
from app.rules.faults import Invalid
from app.rules.text import N_
from app.services import audit
from app.services.unit import unit_of_work

STEP = 30
"""Seconds that a code lives; one step to either side is taken too (clocks differ)."""

RECOVERY_CODES = 10
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that are mistaken for another


def offer(staff_id: int) -> tuple[str, str]:
    """The otpauth address to scan, and the secret in it for typing; made on first use, not in force before `confirm`.

    Raises Invalid when a second factor is in force already: it has to be taken off first.
    """
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        if staff.totp_confirmed_at is not None:
            raise Invalid(N_("两步验证已启用"))
        staff.totp_secret = staff.totp_secret or pyotp.random_base32()
        totp = pyotp.TOTP(staff.totp_secret)
        uri = totp.provisioning_uri(name=staff.name, issuer_name=current_app.config["SITE_TITLE"])
        return uri, staff.totp_secret


def confirm(staff_id: int, code: str) -> list[str]:
    """Put the offered secret in force once a code proves that it was scanned; returns fresh recovery codes.

    Raises Invalid for a wrong code.
    """
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        if staff.totp_confirmed_at is not None or not _take(staff, code):
            raise Invalid(N_("动态码不正确，请核对手机时间后重试"), {"code": N_("动态码不正确，请核对手机时间后重试")})
        staff.totp_confirmed_at = now()
        audit.note(staff, "second_factor.on", f"staff-{staff.id}")
        return _fresh_codes(staff_id)


def renew_codes(staff_id: int) -> list[str]:
    """Fresh recovery codes; the old ones no longer work."""
    with unit_of_work():
        audit.note_id(staff_id, "second_factor.codes_renewed", f"staff-{staff_id}")
        return _fresh_codes(staff_id)


def remove(staff_id: int) -> None:
    """Take the second factor off. Inside a unit; the caller writes the audit row."""
    staff = db.session.get_one(Staff, staff_id)
    staff.totp_secret, staff.totp_confirmed_at = None, None
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))


def codes_left(staff_id: int) -> int:
    """How many recovery codes were not used yet."""
    unused = (RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
    return db.session.scalar(select(func.count()).where(*unused)) or 0


def passes(staff_id: int, code: str) -> bool:
    """Whether this code lets a member of staff in: everything does while no second factor is in force."""
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        if staff.totp_confirmed_at is None:
            return True
        return _take(staff, code) or _use_recovery(staff, code)


def _take(staff: Staff, code: str) -> bool:
    """Take a time code, each at most once: the step it belongs to has to lie after the last one taken."""
    if staff.totp_secret is None:
        return False
    totp, this = pyotp.TOTP(staff.totp_secret), int(time.time()) // STEP
    step = next((s for s in (this - 1, this, this + 1) if totp.verify(_plain(code), for_time=s * STEP)), None)
    if step is None:
        return False
    taken = db.session.execute(update(Staff).where(Staff.id == staff.id, Staff.totp_step < step).values(totp_step=step))
    return bool(taken.rowcount == 1)  # type: ignore[attr-defined]


def _use_recovery(staff: Staff, code: str) -> bool:
    used = db.session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == staff.id,
            RecoveryCode.digest == _digest(staff.id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now())
    )
    if used.rowcount != 1:  # type: ignore[attr-defined]
        return False
    audit.note(staff, "second_factor.recovery_used", f"staff-{staff.id}")
    return True


def _fresh_codes(staff_id: int) -> list[str]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    db.session.add_all(RecoveryCode(staff_id=staff_id, digest=_digest(staff_id, code)) for code in codes)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _digest(staff_id: int, code: str) -> str:
    digest: str = current_app.extensions["keys"].digest(f"recovery:{staff_id}:{_plain(code)}")
    return digest


def _plain(code: str) -> str:
    return "".join(char for char in code if char.isalnum()).lower()
