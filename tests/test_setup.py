"""The set-up: it goes out as the machine does, and says what it is at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import network
from scripts.setup import ROOT
from scripts.steps import Problem, shown


@pytest.mark.parametrize(
    ("listed", "index"),
    [
        ("global.timeout='60'\n", None),
        ("global.index-url='https://mirror/simple'\n", "https://mirror/simple"),
        (":env:.index-url='https://env/simple'\nglobal.index-url='https://file/simple'\n", "https://env/simple"),
        ("global.extra-index-url='https://more/simple'\n", None),
    ],
)
def test_a_mirror_that_was_set_up_for_pip_is_found(listed: str, index: str | None) -> None:
    assert network.index_of(listed) == index


def test_pips_own_listing_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "https://campus.example/simple")
    network.use_pips_index(Path(sys.executable))
    assert os.environ.pop("UV_DEFAULT_INDEX") == "https://campus.example/simple"


def test_the_machines_certificates_are_trusted_unless_others_were_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.touch()
    monkeypatch.setattr(network, "CERTIFICATES", bundle)
    monkeypatch.setenv("UV_SYSTEM_CERTS", "false")
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    network.trust_the_machine()
    assert os.environ["UV_SYSTEM_CERTS"] == "false"
    assert os.environ.pop("NODE_EXTRA_CA_CERTS") == str(bundle)


def test_a_step_says_that_it_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Problem), shown("fetching"):
        raise Problem("no network")
    assert capsys.readouterr().out == "  fetching … failed\n"


def test_on_a_terminal_the_seconds_are_counted() -> None:
    words = "import time; from scripts.steps import shown\nwith shown('waiting'): time.sleep(1.5)"
    command = ["script", "-qefc", f'{sys.executable} -c "{words}"', "/dev/null"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert "waiting … 1 s" in done.stdout and done.stdout.rstrip().endswith("waiting … 2 s")
