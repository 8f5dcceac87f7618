"""Default deny, security headers, who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, Response, abort, current_app, g, redirect, request, session, url_for
from flask_login import current_user

from app.extensions import login_manager
from app.models import Account, Staff
from app.rules.states import Role
from app.services.access import staff_sessions
from app.services.access.staff import to_set_up
from app.services.students import accounts

View = TypeVar("View", bound=Callable[..., Any])

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'{form}; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"
)


def public(view: View) -> View:
    """Mark a view that a stranger may call."""
    view.public = True  # type: ignore[attr-defined]
    return view


def roles(*wanted: Role) -> Callable[[View], View]:
    """Mark a view for these roles; anybody else is refused before it runs."""

    def mark(view: View) -> View:
        view.roles = frozenset(wanted)  # type: ignore[attr-defined]

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        return guarded  # type: ignore[return-value]

    return mark


student_only = roles(Role.STUDENT)

SET_UP = frozenset(
    {"staff.account", "staff.password", "staff.second_factor", "staff.confirm_second_factor", "staff.sign_out"}
)
"""What is open to somebody who has to change a first password or to set up the second factor."""


FORM_BYTES = 1024 * 1024
"""A form without files. Its fields are parsed at once, at many times their size: 30 MB would take a worker down."""


def small_forms() -> None:
    """Before anything reads the form: the token's check does."""
    if request.mimetype == "application/x-www-form-urlencoded":
        request.max_content_length = FORM_BYTES


def init_app(app: Flask) -> None:
    """Guard every endpoint and dress every answer."""
    login_manager.user_loader(_load)
    app.before_request(_guard)
    app.after_request(_headers)


def _load(key: str) -> Account | Staff | None:
    kind, _, rest = key.partition("-")
    if kind == "account":
        return accounts.holder(rest)
    if kind == "staff" and rest.isdigit():
        return _staff(int(rest))
    return None


def _staff(staff_id: int) -> Staff | None:
    held = staff_sessions.holder(staff_id, session.get("staff_session", ""))
    if held is None:
        return None
    g.session_seen_at = held.seen_at
    return held.staff


def _guard() -> Any:
    """Refuse whatever is not marked public or not for one of this person's roles."""
    if request.endpoint is None or request.endpoint == "static":
        return None
    view = current_app.view_functions[request.endpoint]
    if getattr(view, "public", False):
        return None
    wanted = frozenset({Role.ADMIN}) if request.blueprint == "rq_dashboard" else getattr(view, "roles", frozenset())
    if not current_user.is_authenticated:
        return _to_sign_in(wanted)
    if not wanted & current_user.roles:
        abort(403)
    return _staff_steps() if isinstance(current_user._get_current_object(), Staff) else None


def _staff_steps() -> Any:
    """Keep the session alive, and open nothing else before password and second factor are set up."""
    staff_sessions.seen(session["staff_session"], g.session_seen_at)
    if to_set_up(current_user) and request.endpoint not in SET_UP:
        return redirect(url_for("staff.account"), 303)
    return None


def _to_sign_in(wanted: frozenset[Role]) -> Any:
    target = url_for("sign_in.index") if Role.STUDENT in wanted else url_for("staff.sign_in")
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    if request.method != "GET":
        abort(401)
    return redirect(f"{target}?{urlencode({'next': request.path})}", 303)


def _form_targets() -> list[str]:
    """Where our forms may lead besides ourselves: browsers hold a form's redirects to this, and signing in is one."""
    names = ("WECHAT_OPEN_URL", "WECHAT_MP_URL", "SIMULATOR_URL")
    return sorted({current_app.config[name] for name in names if current_app.config[name]})


def _headers(response: Response) -> Response:
    policy = _CSP.format(form="".join(f" {address}" for address in _form_targets()))
    if request.blueprint == "rq_dashboard":  # inline scripts, and templates made by eval; admins only
        policy = policy.replace("script-src 'self'", "script-src 'self' 'unsafe-inline' 'unsafe-eval'").replace(
            "style-src 'self'", "style-src 'self' 'unsafe-inline'"
        )
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(self), geolocation=(), microphone=()"
    if current_app.config["MODE"] == "production":
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if request.endpoint != "static":
        if response.headers.get("Cache-Control", "no-cache") == "no-cache":  # what `send_file` says of people's files
            response.headers["Cache-Control"] = "no-store"
        response.headers.add("Vary", "HX-Request")
    return response
