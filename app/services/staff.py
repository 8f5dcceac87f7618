"""Staff accounts: creation, sign-in with argon2 and TOTP, throttling, ended sessions."""

from __future__ import annotations

from collections.abc import Iterable

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from flask import current_app
from sqlalchemy import select

from app.extensions import db
from app.models import Audit, School, Staff, StaffRole, StaffSchool
from app.rules.faults import Fault, Invalid
from app.rules.states import STAFF_ROLES, Role
from app.rules.text import N_
from app.services.unit import unit_of_work

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody")  # an unknown name costs the same time as a wrong password

PASSWORD_LENGTH = 10
ATTEMPTS = 8
ATTEMPTS_SECONDS = 900


class TooManyAttempts(Fault):
    """Too many wrong passwords for one name."""

    status = 429
    sentence = N_("尝试次数过多，请 15 分钟后再试")


def create(
    name: str, roles: Iterable[str], schools: Iterable[str], password: str, by: Staff | None = None
) -> tuple[Staff, str | None]:
    """Create a member of staff; returns them and, where TOTP is required, the otpauth address to scan once.

    Raises Invalid with a sentence when the name is taken, the password short, a role or school unknown.
    """
    wanted = {Role(role) for role in roles}
    with unit_of_work():
        found = db.session.scalars(select(School).where(School.code.in_(list(schools)))).all()
        _check_new(name, wanted, set(schools), found, password)
        secret = pyotp.random_base32() if current_app.config["TOTP_REQUIRED"] else None
        staff = Staff(name=name, password_hash=_hasher.hash(password), totp_secret=secret)
        staff.role_rows = [StaffRole(role=role.value) for role in sorted(wanted)]
        staff.school_rows = [StaffSchool(school_id=school.id) for school in found]
        db.session.add(staff)
        db.session.flush()
        db.session.add(Audit(staff_id=by.id if by else None, action="staff.created", subject=f"staff-{staff.id}"))
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Caixiang") if secret else None
    return staff, uri


def _check_new(name: str, roles: set[Role], codes: set[str], found: Iterable[School], password: str) -> None:
    if not name.strip() or db.session.scalar(select(Staff.id).where(Staff.name == name)):
        raise Invalid(N_("该用户名已存在或为空"), {"name": N_("请换一个用户名")})
    if not roles or not roles <= set(STAFF_ROLES):
        raise Invalid(N_("请选择角色"), {"roles": N_("请选择角色")})
    missing = codes - {school.code for school in found}
    if missing or (Role.SCHOOL in roles and not codes):
        raise Invalid(N_("学校老师需要绑定已有的学校代码"), {"schools": N_("请填写已有的学校代码")})
    if len(password) < PASSWORD_LENGTH:
        raise Invalid(N_("密码至少 10 个字符"), {"password": N_("密码至少 10 个字符")})


def authenticate(name: str, password: str, code: str) -> Staff | None:
    """The member of staff with this name, password and (where it is on) second factor, or None.

    Raises TooManyAttempts after 8 failures for one name within 15 minutes.
    """
    redis = current_app.extensions["redis"]
    counter = f"sign-in:{current_app.extensions['keys'].digest(name)}"
    tries = redis.incr(counter)
    if tries == 1:
        redis.expire(counter, ATTEMPTS_SECONDS)
    if tries > ATTEMPTS:
        raise TooManyAttempts
    staff = db.session.scalar(select(Staff).where(Staff.name == name))
    if not _password_fits(staff, password) or staff is None or not staff.active or not _code_fits(staff, code, redis):
        return None
    redis.delete(counter)
    return staff


def _password_fits(staff: Staff | None, password: str) -> bool:
    try:
        return _hasher.verify(staff.password_hash if staff else _NOBODY, password) and staff is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


def _code_fits(staff: Staff, code: str, redis: object) -> bool:
    """A second factor is good once, within one step of 30 s to either side."""
    if staff.totp_secret is None:
        return not current_app.config["TOTP_REQUIRED"]
    if not pyotp.TOTP(staff.totp_secret).verify(code, valid_window=1):
        return False
    return bool(redis.set(f"totp:{staff.id}:{code}", 1, nx=True, ex=120))  # type: ignore[attr-defined]


def end_sessions(staff_id: int, by: Staff, *, deactivate: bool | None = None) -> None:
    """End all sessions of a member of staff; optionally switch them off or on again."""
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        staff.session_epoch += 1
        if deactivate is not None:
            staff.active = not deactivate
        action = {None: "staff.sessions_ended", True: "staff.deactivated", False: "staff.activated"}[deactivate]
        db.session.add(Audit(staff_id=by.id, action=action, subject=f"staff-{staff.id}"))
