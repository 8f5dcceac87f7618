"""A set-up step: skipped while its stamp fits its inputs, run to the end or not stamped."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

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
    print(f"  {says} …", end="", flush=True)
    start = time.monotonic()
    try:
        work()
    except Problem:
        print(" failed")
        raise
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(mark)
    print(f" {time.monotonic() - start:.0f} s")
    sys.stdout.flush()
