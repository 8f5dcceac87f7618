"""`flask precheck` and `flask code-read`: folders, broken files, lost checkers, exit codes, and JSON as documented."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.demo.portraits import collection_code
from workers.checker import Checker, CheckerCrashed, CheckerHung, CheckerLost, CheckerStarved

CHECK = {"code", "verdict", "value", "unit", "low", "high", "region", "message"}


@pytest.fixture
def folder(tmp_path: Path, drawn: Callable[..., Path]) -> Path:
    """A good portrait, a broken file, one in a folder below with a capital ending, and two files of other types."""
    made = tmp_path / "照片"
    (made / "below").mkdir(parents=True)
    (made / "a good.jpg").write_bytes(drawn().read_bytes())
    (made / "b broken.jpg").write_bytes(drawn().read_bytes()[:900])
    (made / "below" / "c.JPG").write_bytes(drawn().read_bytes())
    (made / "notes.txt").write_text("no picture")
    (made / "below" / "list.xlsx").write_bytes(b"PK")
    return made


def test_precheck_goes_on_after_a_broken_file_and_says_all_in_json(app: Flask, folder: Path) -> None:
    done = app.test_cli_runner().invoke(args=["precheck", str(folder), "--background", "blue", "--json"])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 1
    assert [Path(line["file"]).name for line in lines] == ["a good.jpg", "b broken.jpg", "c.JPG"]
    assert [line["verdict"] for line in lines] == ["passed", "failed", "passed"]
    for line in lines:
        assert list(line) == ["file", "rule", "verdict", "checks", "crop", "ms"]
        assert all(set(check) == CHECK for check in line["checks"])
        assert all(check["message"] for check in line["checks"] if check["verdict"] in ("warn", "fail"))
    assert "3 checked, 1 failed, 2 other files passed over" in done.stderr


def test_precheck_ends_with_nought_when_all_pass_and_with_two_when_used_wrongly(app: Flask, folder: Path) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["precheck", str(folder / "a good.jpg"), "--background", "blue"]).exit_code == 0
    assert run(args=["precheck", str(folder), "--background", "pink"]).exit_code == 2
    assert run(args=["precheck", str(folder), "--rule", "none-such"]).exit_code == 2
    assert run(args=["precheck", str(folder / "missing.jpg")]).exit_code == 2


def test_code_read_gives_the_exact_bytes_or_why_not(app: Flask, tmp_path: Path) -> None:
    payload = b"\x00\xff\x80 code"
    (tmp_path / "1.png").write_bytes(collection_code(payload))
    (tmp_path / "2.png").write_bytes(b"broken")
    done = app.test_cli_runner().invoke(args=["code-read", str(tmp_path), "--json"])
    read, broken = (json.loads(line) for line in done.stdout.splitlines())
    assert done.exit_code == 1
    assert list(read) == list(broken) == ["file", "payload", "payload_base64", "fault", "ms"]
    assert (read["payload"], base64.b64decode(read["payload_base64"]), read["fault"]) == (None, payload, None)
    assert (broken["payload"], broken["payload_base64"], broken["fault"]) == (None, None, "unreadable_file")


@pytest.mark.parametrize(
    ("error", "verdict", "fault", "code"),
    [
        (CheckerCrashed("x"), "failed", "unreadable_file", 1),
        (CheckerHung("x"), "failed", "unreadable_file", 1),
        (CheckerStarved("x"), "review", "unavailable", 0),
    ],
    ids=repr,
)
def test_a_lost_checker_is_told_apart_from_a_bad_picture(
    app: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, verdict: str, fault: str, code: int
) -> None:
    def lost(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Checker, "check", lost)
    monkeypatch.setattr(Checker, "read_code", lost)
    picture, run = str(folder / "a good.jpg"), app.test_cli_runner().invoke
    looked = run(args=["precheck", picture, "--json"])
    assert (json.loads(looked.stdout)["verdict"], looked.exit_code) == (verdict, code)
    read = run(args=["code-read", picture, "--json"])
    assert (json.loads(read.stdout)["fault"], read.exit_code) == (fault, 1)


@pytest.mark.parametrize("command", ["precheck", "code-read"])
def test_without_any_checker_the_command_says_what_to_do(
    app: Flask, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """No file is called unreadable because the installation is incomplete."""

    def none(*_: Any, **__: Any) -> None:
        raise CheckerLost("the checker child did not start: run `make setup`")

    monkeypatch.setattr(Checker, "start", none)
    done = app.test_cli_runner().invoke(args=[command, str(folder)])
    assert (done.exit_code, done.stdout) == (1, "") and "make setup" in done.stderr
