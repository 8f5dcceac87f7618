"""A set-up step: skipped while its stamp fits its inputs, run to the end or not stamped."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMPS = VENV / ".stamps"


class Problem(Exception):
    """Set-up cannot go on; the text says what to do."""


def run(command: list[str], hint: str, *, timeout: float = 1800, cwd: Path = ROOT) -> str:
    """Run a command quietly. Raises Problem with the hint and the last lines it printed."""
    try:
        done = subprocess.run(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError:
        raise Problem(f"{command[0]} is not installed. {hint}") from None
    except subprocess.TimeoutExpired:
        raise Problem(f"{command[0]} took longer than {timeout:.0f} s. {hint}") from None
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-6:])
        raise Problem(f"{hint}\n  {' '.join(command[:6])} said:\n{tail}")
    return done.stdout


def digest(inputs: Iterable[Path | str]) -> str:
    """A hash over files and texts that a step depends on."""
    total = hashlib.sha256()
    for item in inputs:
        total.update(item.read_bytes() if isinstance(item, Path) else item.encode())
    return total.hexdigest()


def step(name: str, says: str, inputs: Iterable[Path | str], targets: Iterable[Path], work: Callable[[], None]) -> None:
    """Do `work` unless the same inputs were done before and all targets still stand."""
    stamp, mark = STAMPS / name, digest(inputs)
    if stamp.exists() and stamp.read_text() == mark and all(target.exists() for target in targets):
        return
    with shown(says):
        work()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(mark)


@contextmanager
def shown(says: str) -> Iterator[None]:
    """Say what goes on; on a terminal count the seconds meanwhile, so that a slow network does not look like a hang."""
    start, over = time.monotonic(), Event()

    def count() -> None:
        while not over.wait(1):
            print(f"\r  {says} … {time.monotonic() - start:.0f} s", end="", flush=True)

    print(f"  {says} …", end="", flush=True)
    clock = Thread(target=count, daemon=True)
    if sys.stdout.isatty():
        clock.start()
    end = " failed"
    try:
        yield
        end = f" {time.monotonic() - start:.0f} s"
    finally:
        over.set()
        if clock.is_alive():
            clock.join()
        print(f"\r  {says} …{end}" if sys.stdout.isatty() else end, flush=True)
