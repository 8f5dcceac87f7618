"""Staff accounts: creation, sign-in, password, roles and schools, deactivation, recovery; all in the audit log.

Hashing a password is slow by design: it is done before a unit of work, not while others wait to write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from flask import current_app
from sqlalchemy import func, select

from app.extensions import db
from app.models import School, Staff, StaffRole, StaffSchool
from app.rules.faults import Invalid, NotFound
from app.rules.states import STAFF_ROLES, Role
from app.rules.text import N_
from app.services import audit
from app.services.access import passwords, second_factor, staff_sessions, throttle
from app.services.unit import unit_of_work

PASSWORD, SECOND_FACTOR = "password", "second_factor"
"""What a member of staff may have to set up before anything else opens."""


def everybody() -> Sequence[Staff]:
    """All members of staff, the active first."""
    return db.session.scalars(select(Staff).order_by(Staff.active.desc(), Staff.name)).all()


def get(staff_id: int) -> Staff:
    """One member of staff. Raises NotFound."""
    found = db.session.get(Staff, staff_id)
    if found is None:
        raise NotFound
    return found


def by_name(name: str) -> Staff:
    """The active member of staff of this name. Raises NotFound."""
    found = db.session.scalar(select(Staff).where(Staff.name == name, Staff.active))
    if found is None:
        raise NotFound
    return found


def create(name: str, roles: Iterable[str], schools: Iterable[str], password: str, by: Staff | None = None) -> Staff:
    """Create a member of staff who signs in with this password; one given by somebody else has to be changed first.

    Raises Invalid with a sentence per field when the name is taken, the password weak, a role or school unknown.
    """
    name, wanted, codes = name.strip(), _roles(roles), set(schools)
    by_id = by.id if by else None
    passwords.check(password, name)
    stored = passwords.hashed(password)
    with unit_of_work():
        if not name or len(name) > 40 or db.session.scalar(select(Staff.id).where(Staff.name == name)):
            raise Invalid(N_("该用户名已存在或为空"), {"name": N_("请换一个用户名")})
        bound = _schools(wanted, codes)
        staff = Staff(name=name, password_hash=stored, must_change_password=by is not None)
        staff.role_rows = [StaffRole(role=role.value) for role in sorted(wanted)]
        staff.school_rows = [StaffSchool(school_id=school.id) for school in bound]
        db.session.add(staff)
        db.session.flush()
        audit.note_id(by_id, "staff.created", f"staff-{staff.id}", _said(wanted, codes))
    return staff


def _roles(roles: Iterable[str]) -> set[Role]:
    known = {role.value for role in STAFF_ROLES}
    wanted = set(roles)
    if not wanted or not wanted <= known:
        raise Invalid(N_("请选择角色"), {"roles": N_("请选择角色")})
    return {Role(role) for role in wanted}


def _schools(roles: Collection[Role], codes: set[str]) -> Sequence[School]:
    found = db.session.scalars(select(School).where(School.code.in_(codes))).all()
    if len(found) != len(codes) or (Role.SCHOOL in roles and not codes):
        raise Invalid(N_("学校老师需要绑定已有的学校代码"), {"schools": N_("请选择已有的学校")})
    return found


def _said(roles: Iterable[Role], codes: Iterable[str]) -> str:
    return " ".join([*sorted(role.value for role in roles), *sorted(codes)])


def authenticate(name: str, password: str, code: str, address: str, mark: str = "") -> Staff | None:
    """The member of staff with this name, password and (where it is in force) second factor, or None.

    Raises TooManyAttempts after too many wrong tries for one name or from one network address, or where the browser is
    known by its `mark` (known_browsers) from this browser.
    """
    tries = throttle.attempt(name, address, mark)
    staff = db.session.scalar(select(Staff).where(Staff.name == name.strip()))
    if not passwords.fits(staff.password_hash if staff else None, password) or staff is None or not staff.active:
        return None
    staff_id, stored = staff.id, staff.password_hash
    if not second_factor.passes(staff_id, code):
        return None
    throttle.forgive(name, tries, mark)
    stronger = passwords.hashed(password) if passwords.outdated(stored) else stored
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        if staff.password_hash == stored:  # nobody has changed it meanwhile
            staff.password_hash = stronger
        audit.note(staff, "staff.signed_in", f"staff-{staff.id}")
    return staff


def prove(staff: Staff, password: str, address: str, token: str) -> None:
    """Ask for the password once more before something weighty; tries are counted by the session, `token`.

    Raises Invalid when it is wrong, TooManyAttempts.
    """
    name, stored = staff.name, staff.password_hash
    tries = throttle.attempt(name, address, token)
    if not passwords.fits(stored, password):
        raise Invalid(N_("当前密码不正确"), {"current": N_("当前密码不正确")})
    throttle.forgive(name, tries, token)


def to_set_up(staff: Staff) -> str:
    """What this person has to do before anything else opens: `password`, `second_factor`, or empty."""
    if staff.must_change_password:
        return PASSWORD
    if current_app.config["TOTP_REQUIRED"] and staff.totp_confirmed_at is None:
        return SECOND_FACTOR
    return ""


def change_password(staff_id: int, password: str, again: str, *, token: str) -> None:
    """Set one's own password; all other sessions end. Raises Invalid for a weak one or one typed differently."""
    if password != again:
        raise Invalid(N_("两次输入的密码不一致"), {"again": N_("两次输入的密码不一致")})
    known = get(staff_id)
    passwords.check(password, known.name)
    if passwords.fits(known.password_hash, password):
        raise Invalid(N_("新密码不能与原密码相同"), {"password": N_("新密码不能与原密码相同")})
    stored = passwords.hashed(password)
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        staff.password_hash, staff.must_change_password = stored, False
        staff_sessions.end_all(staff_id, but=token)
        audit.note(staff, "staff.password_changed", f"staff-{staff_id}")


def change_scope(staff_id: int, roles: Iterable[str], schools: Iterable[str], by: Staff) -> None:
    """Give a member of staff other roles and schools; it holds from their next request on.

    Raises Invalid for an unknown role or school, and where no active admin would be left.
    """
    wanted, codes, by_id = _roles(roles), set(schools), by.id
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        bound = _schools(wanted, codes)
        if Role.ADMIN in staff.roles and Role.ADMIN not in wanted:
            _keep_an_admin(staff)
        staff.role_rows = [_row(staff.role_rows, role) for role in sorted(wanted)]
        kept = {row.school_id: row for row in staff.school_rows}
        staff.school_rows = [kept.get(school.id) or StaffSchool(school_id=school.id) for school in bound]
        audit.note_id(by_id, "staff.scope_changed", f"staff-{staff_id}", _said(wanted, codes))


def _row(rows: Iterable[StaffRole], role: Role) -> StaffRole:
    return next((row for row in rows if row.role == role.value), None) or StaffRole(role=role.value)


def _keep_an_admin(staff: Staff) -> None:
    others = (
        select(func.count())
        .select_from(Staff)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .where(StaffRole.role == Role.ADMIN.value, Staff.active, Staff.id != staff.id)
    )
    if not db.session.scalar(others):
        raise Invalid(N_("至少要保留一位启用的管理员"))


def deactivate(staff_id: int, by: Staff, cause: str = "") -> None:
    """Switch an account off; its sessions end at once. Raises Invalid for one's own, and for the last admin's."""
    by_id = by.id
    if staff_id == by_id:
        raise Invalid(N_("不能停用自己的账号"))
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        if Role.ADMIN in staff.roles:
            _keep_an_admin(staff)
        staff.active = False
        staff_sessions.end_all(staff_id)
        audit.note_id(by_id, "staff.deactivated", f"staff-{staff_id}", cause)


def activate(staff_id: int, by: Staff, cause: str = "") -> None:
    """Switch an account on again."""
    by_id = by.id
    with unit_of_work():
        db.session.get_one(Staff, staff_id).active = True
        audit.note_id(by_id, "staff.activated", f"staff-{staff_id}", cause)


def end_sessions(staff_id: int, by: Staff, cause: str = "") -> None:
    """End all sessions of a member of staff."""
    by_id = by.id
    with unit_of_work():
        staff_sessions.end_all(staff_id)
        audit.note_id(by_id, "staff.sessions_ended", f"staff-{staff_id}", cause)


def recover(staff_id: int, by: Staff | None, cause: str, *, second_factor_too: bool) -> str:
    """Help somebody who is locked out: a password for one sign-in, and with it the lost second factor taken off.

    Sessions end. The caller makes sure that it is really them; the cause says how. Raises Invalid without a cause.
    """
    if len(cause.strip()) < 2:
        raise Invalid(N_("请填写原因"), {"cause": N_("请填写原因")})
    by_id, password = by.id if by else None, passwords.temporary()
    stored = passwords.hashed(password)
    with unit_of_work():
        staff = db.session.get_one(Staff, staff_id)
        staff.password_hash, staff.must_change_password = stored, True
        if second_factor_too:
            second_factor.remove(staff_id)
        staff_sessions.end_all(staff_id)
        throttle.clear(staff.name)
        action = "staff.recovered_with_second_factor" if second_factor_too else "staff.recovered"
        audit.note_id(by_id, action, f"staff-{staff_id}", cause.strip()[:200])
    return password


def drop_second_factor(staff_id: int) -> None:
    """Take one's own second factor off. Raises Invalid where the installation requires one."""
    if current_app.config["TOTP_REQUIRED"]:
        raise Invalid(N_("本系统要求使用两步验证，不能关闭"))
    with unit_of_work():
        second_factor.remove(staff_id)
        audit.note_id(staff_id, "second_factor.off", f"staff-{staff_id}")
