"""`make bench WHAT=export`: 1,000 and 10,000 approved orders frozen, built and verified, for 学信网 and for the press.

By kind: photos a second of each step; and the build's share of the disk's own copy speed, which is how long a copy with
one sync takes against how long the build took. Three copies are measured, each synced as the build is:

* the stored files one by one (`cp`), which is what lies there before;
* for 学信网 the stored files into one file (`cat`), which reads and writes just what the build does: the yardstick;
* the finished batch as it lies there: for a folder the yardstick. A ZIP is one file of hundreds of megabytes that the
  kernel copies by itself at the speed of memory; half of that cannot be reached, for the hashes alone, printed below,
  take longer: every picture is compared with what was frozen, and the ZIP gets its sum and its CRCs.

Memory is the peak from the first freeze on, of the command and of the press that it starts.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import os
import resource
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

from app.export.durable import Tree
from app.export.verify import verify
from app.extensions import db
from app.services import batches
from tests.bench.common import bench_app, say
from tests.bench.export_seed import seed

COUNTS = (1000, 10000)


def one(count: int) -> None:
    """One size, in a process of its own so that its memory is its own."""
    with bench_app() as (_app, folder):
        campaign_id = seed(count, folder / "store")
        db.session.remove()
        os.sync()
        before, press = _forget_peak(), Press()
        for kind in batches.KINDS:
            _export(campaign_id, kind, count, folder, press)
        peak = _memory("VmHWM")
        say(f"{count:,}: peak memory, MB", f"{peak:.0f}  (before the export {before:.0f}), press {press.peak:.0f}")


class Press:
    """The peak of memory of the process that prints the sheets, looked at on the way."""

    def __init__(self) -> None:
        self.peak = 0.0

    def look(self, done: int, total: int) -> None:
        """A build's progress."""
        if done % 100 == 0:
            for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
                if b"app.export.press" in Path(f"/proc/{child}/cmdline").read_bytes():
                    self.peak = max(self.peak, _memory("VmHWM", child))


def _export(campaign_id: int, kind: str, count: int, folder: Path, press: Press) -> None:
    marks = [time.perf_counter()]
    batch = batches.freeze(campaign_id, kind, batches.PRODUCER)
    assert batch is not None
    marks.append(time.perf_counter())
    before = _processor()
    path = batches.build(batch.id, press.look)
    worked = _processor() - before
    marks.append(time.perf_counter())
    found = verify(path)
    assert found.problems == () and found.count == count
    marks.append(time.perf_counter())
    frozen, built, checked = (b - a for a, b in itertools.pairwise(marks))
    say(f"{kind} {count:,}: photos a second", f"freeze {count / frozen:.0f}  build {count / built:.0f}  "
        f"verify {count / checked:.0f}  all {count / (frozen + built + checked):.0f}")  # fmt: skip
    stored = [file for kinds in (("photos", "codes") if kind == "chsi" else ("photos",))
              for file in (folder / "store" / kinds).rglob("*.*")]  # fmt: skip
    finished = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    copies = {
        "the stored files": _copy_time(stored, folder / "copy"),
        "the finished batch": _copy_time(finished, folder / "copy"),
    }
    if path.is_file():
        copies["the stored files into one"] = _gather_time(stored, folder / "copy")
    size = sum(file.stat().st_size for file in finished)
    say("   share of the disk's own copy speed",
        ", ".join(f"{took / built:.2f} of {what} ({took:.2f} s)" for what, took in copies.items()))  # fmt: skip
    say("   built in", f"{built:.2f} s, processor {worked:.2f} s, {size / 1e6:.0f} MB")
    say("   the hashes alone", f"{_hash_time(size):.2f} s")


def _copy_time(files: Sequence[Path], target: Path) -> float:
    """Seconds in which these files are copied, synced as the build does it."""
    os.sync()
    start = time.perf_counter()
    target.mkdir()
    with Tree(target) as tree:
        for number, file in enumerate(files):
            shutil.copyfile(file, target / str(number))
        tree.sync()
    took = time.perf_counter() - start
    shutil.rmtree(target)
    return took


def _gather_time(files: Sequence[Path], target: Path) -> float:
    """Seconds in which the bytes of these files are written into one, synced."""
    os.sync()
    start = time.perf_counter()
    with target.open("wb") as one:
        for file in files:
            one.write(file.read_bytes())
        one.flush()
        os.fsync(one.fileno())
    took = time.perf_counter() - start
    target.unlink()
    return took


def _hash_time(size: int) -> float:
    """Seconds in which so many bytes get a SHA-256 as pictures, another as a batch, and a CRC; in memory, alone."""
    picture, start = os.urandom(25_000), time.perf_counter()
    for _ in range(size // len(picture)):
        hashlib.sha256(picture)
        hashlib.sha256(picture)
        zlib.crc32(picture)
    return time.perf_counter() - start


def _processor() -> float:
    """Seconds of processor time of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _forget_peak() -> float:
    """Start the kernel's peak of this process anew (proc(5), clear_refs); returns the MB held now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str, process: str = "self") -> float:
    """A figure of a process in MB: VmRSS now, VmHWM its peak."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    """Every size in its own process."""
    if len(sys.argv) > 1:
        one(int(sys.argv[1]))
        return
    for count in COUNTS:
        subprocess.run([sys.executable, "-m", "tests.bench.export", str(count)], check=True)
    say("load average at the end", "  ".join(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
