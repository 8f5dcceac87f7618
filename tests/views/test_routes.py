"""Every address with its methods and who may call it, as a list in a file: adding or removing one is a conscious act.

After a change on purpose: `.venv/bin/python -m tests.views.test_routes`, and look at what it changed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Flask

LIST = Path(__file__).with_name("routes.txt")


def _who(app: Flask, endpoint: str) -> str:
    if endpoint == "static":
        return "public"
    if endpoint.startswith("rq_dashboard."):
        return "admin"
    view = app.view_functions[endpoint]
    return "public" if getattr(view, "public", False) else " ".join(sorted(role.value for role in view.roles))


def listed(app: Flask) -> str:
    """One line an address: methods, path, roles."""
    lines = set()
    for rule in app.url_map.iter_rules():
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        lines.add(f"{rule.rule}  {methods}  {_who(app, rule.endpoint)}")
    return "\n".join(sorted(lines)) + "\n"


def test_the_addresses_are_those_of_the_list(app: Flask) -> None:
    assert listed(app) == LIST.read_text("utf-8"), "see the first lines of tests/views/test_routes.py"


def main() -> None:
    """Write the list anew."""
    from app import create_app

    with tempfile.TemporaryDirectory() as folder:
        app = create_app({"INSTANCE": Path(folder), "KEY_FOLDER": folder})
        LIST.write_text(listed(app), "utf-8")


if __name__ == "__main__":
    main()
