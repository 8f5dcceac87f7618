"""`make bench WHAT=export`: 1,000 and 10,000 approved orders frozen, built and verified, for 学信网 and for the press.

A line a kind: photos a second of each step, and the build's share of the disk's own speed: how long the finished batch
takes to be copied and synced, against how long it took to build. Memory is the peak from the first freeze on.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from app.demo import portraits
from app.export.build import sync_all
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
        before = _forget_peak()
        for kind in batches.KINDS:
            _export(campaign_id, kind, count, folder)
        say(f"{count:,}: peak memory, MB", f"{_memory('VmHWM'):.0f}  (before the export {before:.0f})")


def _export(campaign_id: int, kind: str, count: int, folder: Path) -> None:
    marks = [time.perf_counter()]
    batch = batches.freeze(campaign_id, kind, batches.PRODUCER)
    assert batch is not None
    marks.append(time.perf_counter())
    path = batches.build(batch.id, lambda done, total: None)
    marks.append(time.perf_counter())
    found = verify(path)
    assert found.problems == () and found.count == count
    marks.append(time.perf_counter())
    frozen, built, checked = (b - a for a, b in itertools.pairwise(marks))
    say(f"{kind} {count:,}: photos a second", f"freeze {count / frozen:.0f}  build {count / built:.0f}  "
        f"verify {count / checked:.0f}  all {count / (frozen + built + checked):.0f}")  # fmt: skip
    copied, size = _copy_time(path, folder / "copy")
    say("   share of the disk's own copy speed",
        f"{copied / built:.2f}  (built in {built:.1f} s, copied in {copied:.1f} s, {size / 1e6:.0f} MB)")  # fmt: skip


def _copy_time(path: Path, target: Path) -> tuple[float, int]:
    """Seconds in which the finished batch is copied, synced as the build does it; and its bytes."""
    os.sync()
    start = time.perf_counter()
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        target.mkdir()
        shutil.copyfile(path, target / path.name)
    sync_all(target)
    took = time.perf_counter() - start
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    shutil.rmtree(target)
    return took, size


def _forget_peak() -> float:
    """Start the kernel's peak of this process anew (proc(5), clear_refs); returns the MB held now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> float:
    """A figure of this process in MB: VmRSS now, VmHWM its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
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
