"""make bench WHAT=export: 1,000 and 10,000 approved orders frozen, built and verified; memory; the disk's own speed."""

from __future__ import annotations

import hashlib
import itertools
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from app.adapters.storage import storage
from app.demo import portraits
from app.export.verify import verify
from app.extensions import db
from app.models import Campaign, Form, Order
from app.rules.states import OrderState
from app.services import batches
from tests.bench.common import bench_app, say
from tests.factories import make_campaign, make_order, make_school

COUNTS = (1000, 10000)


def _seed(count: int) -> Campaign:
    campaign = make_campaign(make_school())
    data = portraits.jpeg(portraits.portrait(2, (480, 640)), 88)
    first = make_order(campaign, OrderState.PENDING_PRODUCTION)
    for number in range(count - 1):
        _copy(first, number)
        if number % 500 == 499:
            db.session.commit()
    db.session.commit()
    for order in db.session.query(Order):
        rendition = data + order.number.encode()
        photo = order.photo
        assert photo is not None and photo.rendition_key is not None
        storage().put(photo.rendition_key, rendition)
        photo.rendition_sha256 = hashlib.sha256(rendition).hexdigest()
    db.session.commit()
    return campaign


def _copy(first: Order, number: int) -> None:
    import app.models as m

    def copied(row: object, **changes: object) -> dict[str, object]:
        table = type(row).__table__  # type: ignore[attr-defined]
        return {c.name: getattr(row, c.name) for c in table.columns if c.name != "id"} | changes

    order = Order(**copied(first, number=f"BENCH{number:07d}", account_id=None, photo_id=None, form_id=None,
                           decision_id=None))  # fmt: skip
    db.session.add(order)
    db.session.flush()
    stem = f"photos/{order.number}/1"
    photo = m.Photo(**copied(first.photo, order_id=order.id, rendition_key=f"{stem}-rendition.jpg"))
    form = Form(**copied(first.form, order_id=order.id, student_no=f"2023{number:07d}"))
    db.session.add_all([photo, form])
    db.session.flush()
    order.photo_id, order.form_id = photo.id, form.id
    decision = m.Decision(
        **copied(db.session.get(m.Decision, first.decision_id), order_id=order.id, photo_id=photo.id, form_id=form.id)
    )
    db.session.add(decision)
    db.session.flush()
    order.decision_id = decision.id


def one(count: int) -> None:
    """One size, in a process of its own so that its peak memory is its own."""
    with bench_app() as (_app, folder):
        campaign_id = _seed(count).id
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        for kind in batches.KINDS:
            marks = [time.perf_counter()]
            batch = batches.freeze(campaign_id, kind, batches.PRODUCER)
            assert batch is not None
            marks.append(time.perf_counter())
            path = batches.build(batch.id, lambda done, total: None)
            marks.append(time.perf_counter())
            assert verify(path).problems == ()
            marks.append(time.perf_counter())
            frozen, built, checked = (b - a for a, b in itertools.pairwise(marks))
            say(f"{kind} {count:,}: photos a second", f"freeze {count / frozen:.0f}  build {count / built:.0f}  "
                f"verify {count / checked:.0f}  all {count / (frozen + built + checked):.0f}")  # fmt: skip
            if path.is_file():
                _disk(path, folder, built)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say(f"{count:,}: peak memory, MB", f"{peak:.0f}  (before export {before:.0f})")


def _disk(path: Path, folder: Path, built: float) -> None:
    """How long the disk itself takes to copy the same bytes, file by file and synced."""
    files = list((folder / "store").rglob("*-rendition.jpg"))
    start = time.perf_counter()
    with (folder / "copy").open("wb") as out:
        for file in files:
            out.write(file.read_bytes())
        out.flush()
        os.fsync(out.fileno())
    took = time.perf_counter() - start
    say("   share of the disk's own copy speed", f"{took / built:.2f}  ({path.stat().st_size / 1e6 / built:.0f} MB/s)")


def main() -> None:
    """Every size in its own process."""
    if len(sys.argv) > 1:
        one(int(sys.argv[1]))
        return
    for count in COUNTS:
        subprocess.run([sys.executable, "-m", "tests.bench.export", str(count)], check=True)


if __name__ == "__main__":
    main()
