"""What a command says when it cannot begin: one sentence that tells what to do, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from app.commands.database import MISSING, UNREACHABLE
from tests.export.helpers import Files, build, make_batch

NEEDING = (
    ("export-batch", "--kind", "chsi"),
    ("export-batch", "--kind", "diploma", "--dry-run"),
    ("export-batch", "--batch", "10001-T-X001"),
    ("import-roster", "T", __file__),
    ("import-photos", "T", str(Path(__file__).parent)),
    ("purge",),
    ("create-staff", "somebody", "--role", "admin", "--password", "long enough to be one"),
    ("recover-staff", "somebody", "--cause", "lost"),
    ("sweep",),
    ("demo-data",),
)


def _said(done: Result) -> str:
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    return done.stderr


@pytest.mark.parametrize("words", NEEDING, ids=lambda words: " ".join(words[:2]))
def test_without_a_database_a_command_says_how_to_get_one(
    words: tuple[str, ...], make_app: Any, tmp_path: Path
) -> None:
    app = make_app(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'empty.db'}")
    with app.app_context():
        assert _said(app.test_cli_runner().invoke(args=words)) == f"Error: {MISSING}\n"


def test_a_database_that_cannot_be_reached_is_told_from_one_that_is_not_set_up(make_app: Any, tmp_path: Path) -> None:
    app = make_app(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    with app.app_context():
        assert _said(app.test_cli_runner().invoke(args=["sweep"])) == f"Error: {UNREACHABLE}\n"


@pytest.mark.parametrize("key", ["", "abc", "z" * 64, "a" * 63, "a" * 65, "a" * 64 + ";"])
def test_a_malformed_fingerprint_is_a_wrong_use_and_not_a_wrong_batch(key: str, app: Flask, tmp_path: Path) -> None:
    path = build(tmp_path / "batch.zip", make_batch(Files(2)), Files(2))
    done = app.test_cli_runner().invoke(args=["verify-batch", str(path), "--key", key])
    assert done.exit_code == 2 and "64 digits" in done.stderr


def test_another_key_is_a_wrong_batch_and_the_right_one_may_be_typed_as_on_paper(app: Flask, tmp_path: Path) -> None:
    path = build(tmp_path / "batch.zip", make_batch(Files(2)), Files(2))
    run = app.test_cli_runner().invoke
    right = run(args=["verify-batch", str(path)]).stdout.split("signed by ")[1][:64]
    spaced = " ".join(right[i : i + 8].upper() for i in range(0, 64, 8))
    assert run(args=["verify-batch", str(path), "--key", spaced]).exit_code == 0
    other = run(args=["verify-batch", str(path), "--key", right[::-1]])
    assert other.exit_code == 1 and "signed with another key" in other.stdout
