"""What a form or an address brings, read the same way on every page."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from flask_babel import gettext as _

from app.rules.faults import Invalid


def page_number() -> int:
    """Which page of a list is asked for, from 1 on."""
    return max(1, request.args.get("page", 1, type=int))


def sentences(fault: Invalid) -> dict[str, str]:
    """What is wrong, by field, in the visitor's language."""
    return {name: _(text) for name, text in fault.fields.items()}


def uploaded(name: str) -> bytes:
    """The file of this field; empty where none was chosen."""
    file = request.files.get(name)
    return file.read() if file else b""


def after_upload(target: str) -> Any:
    """A script that uploads with progress asks for the address; a plain form is sent there."""
    return {"next": target} if request.headers.get("X-Upload") else redirect(target, 303)
