"""`make bench WHAT=export`: 1,000 and 10,000 approved orders frozen, built and verified, for 学信网 and for the press.

By kind: photos a second of each step; and the build's share of the disk's own copy speed, which is how long a copy with
one sync takes against how long the build took. A build reads thousands of stored files and writes one ZIP or thousands
of files, so two copies are measured: of the same stored files one by one, and of the finished batch as it lies there.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from app.demo import portraits
from app.export.durable import Tree
from app.export.verify import verify
from app.extensions import db
from app.models import CodeImage, Decision, Form, Order, Photo
from app.rules.states import OrderState
from app.services import batches
from tests.bench.common import bench_app, say
from tests.factories import make_campaign, make_order, make_school

COUNTS = (1000, 10000)
BASE = 1000
"""Ids of the copies start behind it; an order's photo, form, code and decision bear its id."""

CHUNK = 500


def _seed(count: int, store: Path) -> int:
    """A campaign with `count` approved orders, each with a rendition and a code of its own; returns its id."""
    campaign = make_campaign(make_school())
    first = make_order(campaign, OrderState.PENDING_PRODUCTION)
    picture = portraits.jpeg(portraits.portrait(2, (480, 640)), 88)
    for start in range(1, count, CHUNK):
        _copies(first, range(start, min(start + CHUNK, count)), picture, store)
    own = {"photo_id": Order.id, "form_id": Order.id, "decision_id": Order.id}
    db.session.execute(update(Order).where(Order.id > BASE).values(**own).execution_options(synchronize_session=False))
    db.session.commit()
    return campaign.id


def _copies(first: Order, numbers: range, picture: bytes, store: Path) -> None:
    """These orders: one statement a table, in the order in which they point at each other."""
    same = {name: _values(row) for name, row in {
        "order": first, "photo": first.photo, "form": first.form, "code": first.codes[0],
        "decision": db.session.get_one(Decision, first.decision_id),
    }.items()}  # fmt: skip
    rows: dict[Any, list[dict[str, object]]] = {Order: [], Photo: [], Form: [], CodeImage: [], Decision: []}
    for number in numbers:
        key = BASE + number
        mine = {"id": key, "order_id": key}
        photo, code = f"photos/{key}/rendition.jpg", f"codes/{key}/code.png"
        rendition, payload = _put(store / photo, picture, number), _put(store / code, b"payload", number)
        rows[Order].append(same["order"] | {"id": key, "number": f"BENCH{number:07d}", "account_id": None,
                           "photo_id": None, "form_id": None, "decision_id": None})  # fmt: skip
        rows[Photo].append(same["photo"] | mine | {"rendition_key": photo, "rendition_sha256": rendition})
        rows[Form].append(same["form"] | mine | {"student_no": f"2023{number:07d}", "id_no": f"BENCH{number:07d}"})
        rows[CodeImage].append(same["code"] | mine | {"key": code, "sha256": payload, "payload_sha256": payload})
        rows[Decision].append(same["decision"] | mine | {"photo_id": key, "form_id": key})
    for model, some in rows.items():
        db.session.execute(insert(model), some)
    db.session.commit()


def _values(row: Any) -> dict[str, object]:
    return {column.name: getattr(row, column.name) for column in type(row).__table__.columns}


def _put(path: Path, data: bytes, number: int) -> str:
    """A stored file that no other order has; its SHA-256."""
    data += number.to_bytes(4, "big")
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def one(count: int) -> None:
    """One size, in a process of its own so that its memory is its own."""
    with bench_app() as (_app, folder):
        campaign_id = _seed(count, folder / "store")
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
    one_by_one, as_it_lies = (_copy_time(files, folder / "copy") for files in (stored, finished))
    size = sum(file.stat().st_size for file in finished)
    say("   share of the disk's own copy speed",
        f"{one_by_one / built:.2f} of the stored files' ({one_by_one:.2f} s), {as_it_lies / built:.2f} of the finished "
        f"batch's ({as_it_lies:.2f} s)")  # fmt: skip
    say("   built in", f"{built:.2f} s, processor {worked:.2f} s, {size / 1e6:.0f} MB")


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
