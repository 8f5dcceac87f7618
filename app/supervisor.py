"""`make run`: one process that prepares the data, starts web, workers, simulator and Redis, and stops them all."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from app import config
from app.adapters.redis_server import command as redis_command
from app.adapters.redis_server import die_with_parent, wait_until_up
from app.demo.people import CAMPAIGN_CODE

ROOT = Path(__file__).resolve().parent.parent
_STOP_SECONDS = 10.0
_BACKOFF = (0.2, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a child is started again, by how often it fell over in the last minute."""


@dataclass
class Child:
    """One kept process. `every` makes it a repeated command; what is `needed` by the others stops after them."""

    name: str
    command: list[str]
    every: float | None = None
    needed: bool = False
    process: subprocess.Popen[bytes] | None = None
    start_at: float = 0.0
    falls: list[float] = field(default_factory=list)


class Supervisor:
    """Keeps children alive until it is told to stop; each dies with it, however it goes."""

    def __init__(self, children: list[Child], say: Callable[[str], None] = print) -> None:
        self.children = children
        self.say = say
        self.stopping = False

    def run(self) -> None:
        """Start all and keep them until SIGINT or SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        try:
            while not self.stopping:
                for child in self.children:
                    self._tend(child)
                time.sleep(0.1)
        finally:
            self.end()

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _tend(self, child: Child) -> None:
        moment = time.monotonic()
        if child.process is not None and child.process.poll() is not None:
            self._fell(child, moment, child.process.returncode)
        if child.process is None and moment >= child.start_at and not self.stopping:
            # A session of its own: Ctrl-C reaches us alone, and we stop the children in order.
            child.process = subprocess.Popen(
                child.command, cwd=ROOT, start_new_session=True, preexec_fn=die_with_parent, stdin=subprocess.DEVNULL
            )

    def _fell(self, child: Child, moment: float, code: int) -> None:
        child.process = None
        if child.every is not None:
            child.start_at = moment + child.every
            return
        child.falls = [fall for fall in child.falls if fall > moment - 60] + [moment]
        wait = _BACKOFF[min(len(child.falls), len(_BACKOFF)) - 1]
        child.start_at = moment + wait
        self.say(f"{child.name} ended with {code}; starting it again in {wait:g} s")

    def end(self) -> None:
        """Stop every child, what the others need last: a worker cannot end well without Redis."""
        for needed in (False, True):
            self._end([child.process for child in self.children if child.process and child.needed is needed])

    def _end(self, running: list[subprocess.Popen[bytes]]) -> None:
        """Stop these together; what does not go in 10 s is killed with its whole group."""
        for process in running:
            process.terminate()
        end = time.monotonic() + _STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"process {process.pid} did not stop and is killed")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def port_is_free(port: int) -> bool:
    """Whether nobody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _flask(*words: str) -> None:
    done = subprocess.run([_python(), "-m", "flask", *words], cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"`flask {' '.join(words)}` failed; what it printed says why")


def _python() -> str:
    return sys.executable


def children(settings: dict[str, object], redis_folder: Path | None) -> list[Child]:
    """What runs: Redis (unless REDIS_URL names one), web, two workers, the sweep, and in demo mode the simulator."""
    python, port = _python(), settings["WEB_PORT"]
    web = [python, "-m", "gunicorn", "--config", "python:app.web", "--bind", f"127.0.0.1:{port}", "app:create_app()"]
    found = [] if redis_folder is None else [Child("redis", redis_command(redis_folder), needed=True)]
    found.append(Child("web", web))
    found += [Child(f"worker {number}", [python, "-m", "workers.run"]) for number in (1, 2)]
    found.append(Child("sweep", [python, "-m", "flask", "sweep", "--quiet"], every=60.0))
    if settings["SIMULATOR_URL"]:
        found.append(Child("simulator", [python, "-m", "app.simulator"]))
    return found


def main() -> int:
    """Prepare, start, print the addresses, and wait."""
    instance = ROOT / "instance"
    settings = config.load(instance)
    for name in ("WEB_PORT", "SIMULATOR_PORT"):
        if not port_is_free(settings[name]):
            variable = {"WEB_PORT": "CAIXIANG_PORT", "SIMULATOR_PORT": "CAIXIANG_SIMULATOR_PORT"}[name]
            raise SystemExit(f"port {settings[name]} is taken: stop what uses it, or run: {variable}=8080 make run")
    embedded = "REDIS_URL" not in os.environ
    redis_folder = Path(settings["REDIS_URL"].removeprefix("unix://")).parent if embedded else None
    supervisor = Supervisor(children(settings, redis_folder))
    if redis_folder is not None:
        redis_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        supervisor._tend(supervisor.children[0])
        wait_until_up(settings["REDIS_URL"])
    try:
        print("  preparing the database …", flush=True)
        _flask("db", "upgrade")
        if settings["MODE"] == "demo":
            _flask("demo-data")
        greet(settings)
    except KeyboardInterrupt:
        supervisor.end()
        print("\nstopped before everything was prepared; `make run` goes on where this ended")
        return 130
    except BaseException:
        supervisor.end()
        raise
    supervisor.run()
    print("stopped")
    return 0


def greet(settings: dict[str, object]) -> None:
    """Say where everything is."""
    base = f"http://127.0.0.1:{settings['WEB_PORT']}"
    print("\n  采像 is running; Ctrl-C stops it")
    if settings["MODE"] == "demo":
        print(f"  begin here, each sign-in is one click: {base}/demo")
        print(f"  students' home:                        {base}/c/{CAMPAIGN_CODE}")
        print(f"  WeChat and WeChat Pay simulator:       {settings['SIMULATOR_URL']}")
    else:
        print(f"  {base}, for the proxy in front of {settings['PUBLIC_URL']}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
