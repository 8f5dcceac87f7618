"""`flask precheck` and `flask code-read`: folders, broken files, exit codes, and JSON exactly as documented."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.demo.portraits import collection_code

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
