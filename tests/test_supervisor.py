"""The supervisor: what falls is started again, a stop leaves nothing behind, and a taken port is said."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from app import supervisor, web
from app.supervisor import port_is_free

SCRIPT = """
import sys
from app.supervisor import Child, Supervisor
python, folder = sys.executable, sys.argv[1]
note = f"open('{folder}/starts', 'a').write('x')"
stubborn = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']);"
Supervisor([
    Child("falls", [python, "-c", note]),
    Child("lasts", [python, "-c", stubborn + f"open('{folder}/lasts', 'w').close(); time.sleep(99)"]),
], say=lambda text: None).run()
"""


@pytest.fixture
def kept(tmp_path: Path):
    """A supervisor with one child that falls at once and one that lasts and has a child of its own."""
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=supervisor.ROOT)
    yield process, tmp_path
    process.kill()
    process.wait()


def wait_for(condition, seconds: float = 15) -> None:
    """Return when it holds, else fail."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_what_falls_is_started_again(kept) -> None:
    _, folder = kept
    starts = folder / "starts"
    wait_for(lambda: starts.exists() and len(starts.read_text()) >= 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_nothing_behind(kept, number: int) -> None:
    process, folder = kept
    wait_for((folder / "lasts").exists)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2
    process.send_signal(number)
    assert process.wait(20) == 0
    wait_for(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in family))


def test_children_die_with_a_killed_supervisor(kept) -> None:
    process, folder = kept
    wait_for((folder / "lasts").exists)
    lasting = next(child for child in psutil.Process(process.pid).children() if child.children())
    os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not lasting.is_running() or lasting.status() == psutil.STATUS_ZOMBIE)


def test_a_taken_port_is_noticed() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        assert not port_is_free(busy.getsockname()[1])


def test_what_the_others_need_stops_after_them(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    script = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(float(sys.argv[2])); open(sys.argv[3], 'a').write(sys.argv[1]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open(sys.argv[3] + sys.argv[1], 'w').close()\n"
        "time.sleep(99)\n"
    )
    kept = supervisor.Supervisor(
        [
            supervisor.Child("needed", [sys.executable, "-c", script, "n", "0", str(marks)], needed=True),
            supervisor.Child("slow", [sys.executable, "-c", script, "s", "0.5", str(marks)]),
        ]
    )
    for child in kept.children:
        kept._tend(child)
    wait_for(lambda: all((tmp_path / f"marks{name}").exists() for name in "ns"))
    kept.end()
    assert marks.read_text() == "sn"


def test_a_web_process_no_longer_looks_through_what_it_holds_for_good() -> None:
    before = gc.get_threshold()
    try:
        web.post_worker_init(None)
        assert gc.get_freeze_count() > 10_000
        assert len(gc.get_objects()) < 10_000
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
