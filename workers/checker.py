"""The keeper of the checker child: a deadline on every call, a new child after a hang, a crash or too much memory.

One class serves the RQ worker, `flask precheck`, the benchmark and the fuzz test. It imports no native code itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import TracebackType
from typing import Any

from app.rules.photo_rule import load_rule_body
from workers.child import FRAMES
from workers.outcome import CodeReading, Outcome, unpack

ROOT = Path(__file__).resolve().parent.parent

DEADLINE = 20.0
"""Seconds of the child's own processor time for one picture; the slowest honest one (HEIC of 100 MP) takes five.
By the clock a child that gets little of a busy machine may take longer; one that does nothing may not."""

PATIENCE = 2.25
"""How many deadlines may pass by the clock; a job's time limit on the queue is longer."""

GLANCE = 1.0
"""Seconds after which a child that is late is looked at again."""

START = 60.0
"""Seconds for a child to load its models on a busy machine."""

HEAP = {"MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2), "MALLOC_TRIM_THRESHOLD_": str(64 * 1024**2)}
"""The child keeps its heap between pictures: asking the system for every plane of a few megabytes anew takes more than
the arithmetic on it (checks 3 to 5 times as fast where page faults are dear). Larger buffers still go back at once."""

RECYCLE_AFTER = 2000
RECYCLE_BYTES = 480 * 1024 * 1024


class CheckerLost(Exception):
    """The child could not be started, or not be spoken to."""


class CheckerFailed(CheckerLost):
    """The child answered with an error of its own; `str` is its kind."""


class CheckerHung(CheckerLost):
    """No answer within the deadline, or nothing done any more; the child was killed."""


class CheckerStarved(CheckerLost):
    """The child works on but gets too little of the machine: the picture's fault least of all. It was killed."""


class CheckerCrashed(CheckerLost):
    """The child died on this picture."""


class Checker:
    """One child, started on first use and after every loss. A context manager; not for several threads at once."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._calls = 0

    def __enter__(self) -> Checker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The child's process number, where it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def check(self, path: Path, rule: Mapping[str, Any], background: str, *, policy: str = "keep") -> Outcome:
        """Look at a photo under a rule body.

        Raises CheckerHung, CheckerCrashed, or CheckerLost when no child can be had or the machine has no time for it.
        """
        request = {"what": "photo", "path": str(path), "rule": rule, "background": background, "policy": policy}
        _, *frames = self._ask(request, FRAMES["photo"])
        return unpack(frames)

    def read_code(self, path: Path) -> CodeReading:
        """Read a collection code. Raises as `check` does."""
        head, payload = self._ask(
            {"what": "code", "path": str(path), "rule": load_rule_body("chsi-2017")}, FRAMES["code"]
        )
        answer = json.loads(head)
        return CodeReading(payload if answer["found"] else None, answer["fault"], float(answer["ms"]))

    def start(self) -> None:
        """Have a child ready. Raises CheckerLost when it does not come up."""
        if self.pid is not None:
            return
        self.stop()
        ours, theirs = Pipe()
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers.child", str(theirs.fileno())],
            cwd=ROOT,
            env=environment | HEAP,  # no address and no secret of the app's
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        self._pipe, self._calls = ours, 0
        try:
            if not ours.poll(START) or ours.recv_bytes() != b"ready":
                raise CheckerLost("the checker child did not start")
        except (EOFError, OSError):
            self.stop()
            raise CheckerLost("the checker child did not start: run `make setup`") from None
        except BaseException:
            self.stop()  # a late "ready" would be taken for an answer
            raise

    def stop(self) -> None:
        """End the child, if there is one."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._pipe = None

    def _wait(self, what: str) -> None:
        """Until the child answers or dies. Raises CheckerHung or CheckerStarved."""
        assert self._pipe is not None and self._process is not None
        start, begun, last = time.monotonic(), _busy(self._process.pid), -1.0
        wait = self.deadline
        while not self._pipe.poll(wait):
            busy = _busy(self._process.pid) - begun
            if busy >= self.deadline or busy == last:
                raise CheckerHung(what)
            if time.monotonic() - start >= PATIENCE * self.deadline:
                raise CheckerStarved(what)
            wait, last = GLANCE, busy

    def _ask(self, request: Mapping[str, Any], frames: int) -> list[bytes]:
        self.start()
        assert self._pipe is not None
        try:
            self._pipe.send_bytes(json.dumps(request).encode())
            self._wait(request["what"])
            answer = [self._pipe.recv_bytes() for _ in range(frames)]
            head = json.loads(answer[0])
        except (EOFError, OSError, ValueError):
            self.stop()
            raise CheckerCrashed(request["what"]) from None
        except BaseException:  # a job's time-out, too: what is still to come would answer for the next photo
            self.stop()
            raise
        self._calls += 1
        if self._calls >= RECYCLE_AFTER or head["rss"] > RECYCLE_BYTES:
            self.stop()
        if "error" in head:
            raise CheckerFailed(head["error"])
        return answer


def _busy(pid: int) -> float:
    """Seconds of processor time that a process took so far, all threads together; the clock where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.monotonic()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
