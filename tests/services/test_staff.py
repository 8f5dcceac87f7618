"""Staff accounts: who gets in, who no longer does, and what is written down about it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyotp
import pytest
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.clock import now
from app.extensions import db
from app.models import Audit, SignInAttempt, Staff, StaffSession
from app.rules.faults import Invalid
from app.rules.states import Role
from app.services.access import passwords, second_factor, staff, staff_sessions, throttle
from tests.factories import make_school, make_staff

SECRET = "correct-horse-9"
HERE = "203.0.113.7"


def _person(name: str = "zhang", role: str = "reviewer") -> Staff:
    return staff.create(name, [role], [], SECRET)


def test_only_the_right_name_and_password_get_in(any_app: Flask) -> None:
    person_id = _person().id
    assert staff.authenticate("zhang", SECRET, "", HERE).id == person_id
    assert staff.authenticate("zhang", SECRET + "x", "", HERE) is None
    assert staff.authenticate("li", SECRET, "", HERE) is None
    assert db.session.get_one(Staff, person_id).password_hash.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("name", "roles", "schools", "password", "field"),
    [
        ("", ["admin"], [], SECRET, "name"),
        ("zhang", ["admin"], [], SECRET, "name"),  # taken
        ("li", [], [], SECRET, "roles"),
        ("li", ["student"], [], SECRET, "roles"),
        ("li", ["root"], [], SECRET, "roles"),
        ("li", ["school"], [], SECRET, "schools"),
        ("li", ["school"], ["99999"], SECRET, "schools"),
        ("li", ["admin"], [], "short", "password"),
        ("li", ["admin"], [], "aaaaaaaaaaaa", "password"),
        ("liwei", ["admin"], [], "LiWei-2027-x", "password"),
        ("li", ["admin"], [], "x1y2z" * 50, "password"),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    app: Flask, name: str, roles: list[str], schools: list[str], password: str, field: str
) -> None:
    _person()
    with pytest.raises(Invalid) as refused:
        staff.create(name, roles, schools, password)
    assert field in refused.value.fields
    assert db.session.query(Staff).count() == 1


def test_a_password_given_by_somebody_else_has_to_be_changed(app: Flask) -> None:
    admin = make_staff(Role.ADMIN)
    person = staff.create("li", ["reviewer"], [], passwords.temporary(), admin)
    assert staff.to_set_up(person) == staff.PASSWORD
    staff.change_password(person.id, SECRET, SECRET, token="")
    assert staff.to_set_up(db.session.get_one(Staff, person.id)) == ""


@given(st.integers(0, 10**6))
def test_a_first_password_passes_our_own_rule(_seed: int) -> None:
    passwords.check(passwords.temporary(), "zhang")


def test_too_many_wrong_tries_for_one_name_stop_even_the_right_password(any_app: Flask) -> None:
    _person()
    for number in range(throttle.PER_ACCOUNT):
        assert staff.authenticate("zhang", "wrong", "", f"198.51.100.{number}") is None
    for name in ("zhang", " ZHANG ", "ｚｈａｎｇ"):  # as typed otherwise
        with pytest.raises(throttle.TooManyAttempts):
            staff.authenticate(name, SECRET, "", HERE)
    with time_machine.travel(now() + throttle.WINDOW + timedelta(seconds=1), tick=False):
        assert staff.authenticate("zhang", SECRET, "", HERE) is not None


def test_too_many_wrong_tries_from_one_network_stop_all_names(app: Flask) -> None:
    _person()
    for number in range(throttle.PER_ADDRESS):
        with pytest.MonkeyPatch.context() as quick:
            quick.setattr(passwords, "fits", lambda *_: False)
            assert staff.authenticate(f"nobody{number}", "x", "", f"2001:db8:1:2::{number + 1:x}") is None
    with pytest.raises(throttle.TooManyAttempts):
        staff.authenticate("zhang", SECRET, "", "2001:db8:1:2:ffff::1")
    assert staff.authenticate("zhang", SECRET, "", "2001:db8:1:3::1") is not None


def test_getting_in_forgives_the_name_but_not_the_network(app: Flask) -> None:
    """Else who has an account of their own could go on guessing others' for ever."""
    _person()
    for _ in range(throttle.PER_ACCOUNT - 1):
        staff.authenticate("zhang", "wrong", "", HERE)
    assert staff.authenticate("zhang", SECRET, "", HERE) is not None
    assert db.session.query(SignInAttempt).count() == throttle.PER_ACCOUNT - 1


def test_tries_at_the_same_moment_do_not_slip_past_the_limit(any_app: Flask) -> None:
    """Thirty threads guess at once; no more than eight of them look at the password.

    None may, where all were written down before the first was counted: the throttle errs on the safe side.
    """
    through, gate = [], threading.Barrier(30)

    def guess(number: int) -> None:
        with any_app.app_context():
            gate.wait()
            try:
                throttle.attempt("zhang", f"198.51.100.{number}")
                through.append(number)
            except throttle.TooManyAttempts:
                pass
            finally:
                db.session.remove()

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(through) <= throttle.PER_ACCOUNT
    assert db.session.query(SignInAttempt).count() == 60


def _enrol(person_id: int) -> tuple[pyotp.TOTP, list[str]]:
    totp = pyotp.parse_uri(second_factor.offer(person_id)[0])
    codes = second_factor.confirm(person_id, totp.now())
    return totp, codes


def test_the_second_factor_is_asked_for_once_it_is_in_force(app: Flask) -> None:
    person_id = _person().id
    second_factor.offer(person_id)
    assert staff.authenticate("zhang", SECRET, "", HERE) is not None  # offered is not in force
    totp, _codes = _enrol(person_id)
    with time_machine.travel(now() + timedelta(minutes=2)) as clock:
        assert staff.authenticate("zhang", SECRET, "", HERE) is None
        assert staff.authenticate("zhang", SECRET, "000000", HERE) is None
        code = totp.now()
        assert staff.authenticate("zhang", SECRET, f" {code[:3]} {code[3:]} ", HERE) is not None
        assert staff.authenticate("zhang", SECRET, code, HERE) is None  # no code is taken twice
        clock.shift(30)
        assert staff.authenticate("zhang", SECRET, totp.now(), HERE) is not None


def test_a_code_of_a_neighbouring_step_is_taken_an_older_one_is_not(app: Flask) -> None:
    totp, _codes = _enrol(_person().id)
    later = now() + timedelta(minutes=5)
    for seconds, taken in ((-90, False), (-30, True), (60, False)):
        with time_machine.travel(later):
            found = staff.authenticate("zhang", SECRET, totp.at(later + timedelta(seconds=seconds)), HERE)
            assert (found is not None) is taken, seconds


def test_a_recovery_code_stands_in_once(any_app: Flask) -> None:
    person_id = _person().id
    _totp, codes = _enrol(person_id)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert staff.authenticate("zhang", SECRET, codes[3].upper(), HERE) is not None
    assert staff.authenticate("zhang", SECRET, codes[3], HERE) is None
    assert second_factor.codes_left(person_id) == second_factor.RECOVERY_CODES - 1
    fresh = second_factor.renew_codes(person_id)
    assert staff.authenticate("zhang", SECRET, codes[4], HERE) is None
    assert staff.authenticate("zhang", SECRET, fresh[0], HERE) is not None


def test_where_the_second_factor_is_required_nothing_opens_without_it(app: Flask) -> None:
    app.config["TOTP_REQUIRED"] = True
    person_id = _person().id
    assert staff.to_set_up(db.session.get_one(Staff, person_id)) == staff.SECOND_FACTOR
    _enrol(person_id)
    assert staff.to_set_up(db.session.get_one(Staff, person_id)) == ""
    with pytest.raises(Invalid):
        staff.drop_second_factor(person_id)


def test_ended_old_and_foreign_sessions_hold_nobody(any_app: Flask) -> None:
    person_id, other_id = _person().id, _person("li").id
    one, two, three = (staff_sessions.open_session(person_id, HERE, "Firefox") for _ in range(3))
    assert staff_sessions.holder(person_id, one).staff.id == person_id
    assert staff_sessions.holder(other_id, one) is None
    assert staff_sessions.holder(person_id, "") is None
    staff_sessions.end_by_token(person_id, one)
    assert staff_sessions.holder(person_id, one) is None
    rows = staff_sessions.live(person_id)
    assert len(rows) == 2
    staff_sessions.end(other_id, rows[0].id)  # not theirs
    assert len(staff_sessions.live(person_id)) == 2
    with time_machine.travel(now() + staff_sessions.IDLE + timedelta(minutes=1)):
        assert staff_sessions.holder(person_id, two) is None
    row = db.session.query(StaffSession).filter_by(id=rows[0].id).one()
    row.created_at -= staff_sessions.LIFE
    db.session.commit()
    assert {staff_sessions.holder(person_id, token) is None for token in (two, three)} == {True, False}


def test_a_token_is_not_stored(app: Flask) -> None:
    token = staff_sessions.open_session(_person().id, HERE, "")
    row = db.session.query(StaffSession).one()
    assert token not in (row.token_sha256, row.agent, row.address)


def test_changing_the_password_ends_the_other_sessions(app: Flask) -> None:
    person_id = _person().id
    here, there = (staff_sessions.open_session(person_id, HERE, "") for _ in range(2))
    for password, again in (("new-Secret-77", "new-Secret-78"), ("short", "short"), (SECRET, SECRET)):
        with pytest.raises(Invalid):
            staff.change_password(person_id, password, again, token=here)
    assert staff_sessions.holder(person_id, there) is not None
    staff.change_password(person_id, "new-Secret-77", "new-Secret-77", token=here)
    assert staff_sessions.holder(person_id, here) is not None
    assert staff_sessions.holder(person_id, there) is None
    assert staff.authenticate("zhang", SECRET, "", HERE) is None


def test_deactivation_ends_sessions_at_once_and_lets_nobody_in(any_app: Flask) -> None:
    admin, person_id = make_staff(Role.ADMIN), _person().id
    token = staff_sessions.open_session(person_id, HERE, "")
    staff.deactivate(person_id, admin, "left")
    assert staff_sessions.holder(person_id, token) is None
    assert staff.authenticate("zhang", SECRET, "", HERE) is None
    staff.activate(person_id, admin)
    assert staff_sessions.holder(person_id, token) is None  # an old session does not come back
    assert staff.authenticate("zhang", SECRET, "", HERE) is not None


def test_one_active_admin_is_always_left(app: Flask) -> None:
    admin, other = make_staff(Role.ADMIN), make_staff(Role.ADMIN)
    with pytest.raises(Invalid):
        staff.deactivate(admin.id, admin)  # not oneself
    staff.deactivate(other.id, admin)
    with pytest.raises(Invalid):
        staff.change_scope(admin.id, ["reviewer"], [], admin)
    staff.activate(other.id, admin)
    staff.change_scope(admin.id, ["reviewer"], [], other)
    assert db.session.get_one(Staff, admin.id).roles == {Role.REVIEWER}
    with pytest.raises(Invalid):
        staff.deactivate(other.id, db.session.get_one(Staff, admin.id))


def test_roles_and_schools_are_replaced(app: Flask) -> None:
    admin, school, other = make_staff(Role.ADMIN), make_school(), make_school("10002", name="另一大学")
    person_id = staff.create("li", ["school", "reviewer"], [school.code], SECRET).id
    staff.change_scope(person_id, ["school", "lead"], [other.code], admin)
    person = db.session.get_one(Staff, person_id)
    assert person.roles == {Role.SCHOOL, Role.LEAD}
    assert person.school_ids == {other.id}
    with pytest.raises(Invalid):
        staff.change_scope(person_id, ["school"], [], admin)


def test_recovery_needs_a_cause_and_takes_the_lost_factor_off(app: Flask) -> None:
    admin, person_id = make_staff(Role.ADMIN), _person().id
    _enrol(person_id)
    token = staff_sessions.open_session(person_id, HERE, "")
    for _ in range(throttle.PER_ACCOUNT):
        staff.authenticate("zhang", "wrong", "", "198.51.100.1")
    with pytest.raises(Invalid):
        staff.recover(person_id, admin, " ", second_factor_too=True)
    password = staff.recover(person_id, admin, "seen in person", second_factor_too=True)
    assert staff_sessions.holder(person_id, token) is None
    found = staff.authenticate("zhang", password, "", HERE)
    assert found is not None
    assert staff.to_set_up(found) == staff.PASSWORD


def test_everything_about_an_account_is_in_the_log_and_no_secret_is(app: Flask) -> None:
    admin = make_staff(Role.ADMIN)
    person_id = staff.create("li", ["reviewer"], [], SECRET, admin).id
    staff.authenticate("li", SECRET, "", HERE)
    _totp, codes = _enrol(person_id)
    staff.end_sessions(person_id, admin)
    password = staff.recover(person_id, admin, "lost phone", second_factor_too=True)
    rows = db.session.query(Audit).filter_by(subject=f"staff-{person_id}").order_by(Audit.id).all()
    actions = [row.action for row in rows]
    assert actions == [
        "staff.created", "staff.signed_in", "second_factor.on", "staff.sessions_ended",
        "staff.recovered_with_second_factor",
    ]  # fmt: skip
    written = " ".join(row.cause for row in rows)
    assert not any(secret in written for secret in (SECRET, password, codes[0]))
