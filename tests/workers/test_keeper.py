"""The keeper and its child: killed, hung, restarted; nothing of it needs a network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from app.rules.report import Verdict
from workers import checker as keeper
from workers.checker import Checker, CheckerCrashed, CheckerHung, CheckerLost, CheckerStarved

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_killed_child_is_a_crash_and_the_next_call_has_a_new_one(
    body: dict[str, Any], drawn: Callable[..., Path]
) -> None:
    picture = drawn()
    with Checker() as checker:
        checker.start()
        first = checker.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)  # it is sure to be in the middle of the call when it dies
        threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()
        with pytest.raises(CheckerCrashed):
            checker.check(picture, body, "blue")
        assert checker.check(picture, body, "blue").report.verdict is Verdict.PASSED
        assert checker.pid != first


def test_a_hung_child_is_killed_at_the_deadline(body: dict[str, Any], drawn: Callable[..., Path]) -> None:
    with Checker(deadline=0.5) as checker:
        checker.start()
        hung = checker.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(CheckerHung):
            checker.check(drawn(), body, "blue")
        assert time.monotonic() - start < 5
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)


def test_a_late_child_that_works_on_is_waited_for(
    body: dict[str, Any], drawn: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that others keep busy is no fault of the photo's."""
    monkeypatch.setattr(keeper, "GLANCE", 5.0)
    monkeypatch.setattr(keeper, "PATIENCE", 100)
    with Checker(deadline=0.5) as checker:
        checker.start()
        late = checker.pid
        assert late is not None
        os.kill(late, signal.SIGSTOP)
        threading.Timer(0.8, os.kill, (late, signal.SIGCONT)).start()
        assert checker.check(drawn(), body, "blue").report.verdict is Verdict.PASSED
        assert checker.pid == late


@pytest.mark.parametrize(
    ("busy", "end"),
    [
        ([0, 1, 1], CheckerHung),  # it sleeps: a deadlock
        ([0, 1, 9], CheckerHung),  # it works without end
        ([0, 1, 2, 3, 4, 5], CheckerStarved),  # it works, but others have the machine
    ],
)
def test_hung_or_starved_is_told_by_what_the_child_did(
    body: dict[str, Any],
    drawn: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    busy: list[int],
    end: type[Exception],
) -> None:
    with Checker() as checker:
        checker.start()
        child, did = checker.pid, iter(busy)
        assert child is not None
        os.kill(child, signal.SIGSTOP)
        checker.deadline = 0.5
        monkeypatch.setattr(keeper, "GLANCE", 0.3)
        monkeypatch.setattr(keeper, "_busy", lambda pid: next(did) / 10)
        with pytest.raises(end):
            checker.check(drawn(), body, "blue")
        assert checker.pid is None
        assert not list(did) or end is CheckerStarved


class Interrupted(Exception):
    """As RQ's time-out of a job, which is raised wherever the job happens to be."""


def _interrupt(*_: object) -> None:
    raise Interrupted


def test_the_answer_to_an_interrupted_call_never_goes_to_the_next_photo(
    body: dict[str, Any], drawn: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Checker() as checker:
        with monkeypatch.context() as hurried:
            hurried.setattr(keeper, "START", 0.01)
            with pytest.raises(CheckerLost):
                checker.start()
            assert checker.pid is None
        checker.start()
        first = checker.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        before = signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            with pytest.raises(Interrupted):
                checker.check(drawn(), body, "blue")
        finally:
            signal.signal(signal.SIGALRM, before)
        with suppress(ProcessLookupError):
            os.kill(first, signal.SIGCONT)
        assert checker.check(drawn(fault="tilted"), body, "blue").report.verdict is Verdict.FAILED


def test_the_child_is_recycled_and_ends_with_its_keeper(
    body: dict[str, Any], drawn: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RECYCLE_AFTER", 1)
    with Checker() as checker:
        checker.check(drawn(), body, "blue")
        assert checker.pid is None
        checker.start()
        last = checker.pid
    assert last is not None
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


def test_a_worker_process_imports_no_native_code() -> None:
    code = "import sys, workers.run, workers.jobs.precheck, workers.jobs.code; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"'cv2'", "'mediapipe'", "'zxingcpp'"} & set(loaded.strip("[]\n").split(", "))


def test_the_checker_works_without_any_network(drawn: Callable[..., Path]) -> None:
    """In a network namespace of its own there is not even a loopback: whoever needed a connection would fail."""
    alone = [shutil.which("unshare") or "unshare", "-rn"] if os.geteuid() else ["unshare", "-n"]
    done = subprocess.run(
        [*alone, sys.executable, "-m", "flask", "precheck", "--background", "blue", str(drawn())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "passed" in done.stdout


def test_an_error_of_our_own_is_told_and_the_child_lives_on(body: dict[str, Any], drawn: Callable[..., Path]) -> None:
    from workers.checker import CheckerFailed

    with Checker() as checker:
        with pytest.raises(CheckerFailed, match="ValueError"):
            checker.check(drawn(), {"code": "no rule at all"}, "blue")
        alive = checker.pid
        assert checker.check(drawn(), body, "blue").report.verdict is Verdict.PASSED
        assert checker.pid == alive


def test_a_rule_without_a_limit_does_not_limit(body: dict[str, Any], drawn: Callable[..., Path]) -> None:
    older = body | {"limits": {code: body["limits"][code] for code in ("hair_top", "eye_line", "face_width", "centre")}}
    with Checker() as checker:
        assert checker.check(drawn(fault="tilted"), older, "blue").report.verdict is not Verdict.FAILED
