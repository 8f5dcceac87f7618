"""kill -9 in the middle of `flask export-batch`, then the same command again: the bytes of an undisturbed run."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.adapters.storage import storage
from app.export.verify import verify
from app.extensions import db
from app.models import Batch
from app.rules.states import OrderState
from tests.bench.export_seed import seed
from tests.factories import make_campaign, make_order, make_school

ROOT = Path(__file__).resolve().parent.parent.parent
ORDERS = 40
SEVERAL = 1501


def _environment(app: Flask, folder: Path) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "REDIS_URL": app.config["REDIS_URL"],
        "STORAGE": f"folder:{folder / 'store'}",
        "CAIXIANG_KEY_FOLDER": app.config["KEY_FOLDER"],
        "CAIXIANG_BATCH_FOLDER": str(folder / "batches"),
    }


def _command(kind: str) -> list[str]:
    return [str(Path(sys.executable).with_name("flask")), "export-batch", "--kind", kind]


def _tree(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {one.relative_to(path.parent).as_posix(): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def _seed(app: Flask) -> None:
    """Renditions of 3 MB, so that the build takes long enough to be killed in it."""
    campaign = make_campaign(make_school())
    photo = (
        bytes.fromhex("ffd8ffe000104a46494600010101012c012c0000ffc0001108028001e003012200021101031101")
        + b"\0" * 3_000_000
    )
    for number in range(ORDERS):
        made = make_order(campaign, OrderState.PENDING_PRODUCTION)
        assert made.photo is not None and made.photo.rendition_key is not None
        data = photo + bytes([number])
        storage().put(made.photo.rendition_key, data)
        made.photo.rendition_sha256 = hashlib.sha256(data).hexdigest()
        db.session.commit()


@pytest.mark.parametrize("kind", ["chsi", "diploma"])
def test_killed_and_run_again_it_is_the_same_batch(kind: str, make_app: Any, tmp_path: Path) -> None:
    app = make_app(STORAGE=f"folder:{tmp_path / 'store'}")
    with app.app_context():
        _seed(app)
        environment = _environment(app, tmp_path)
        kills = 0
        for share in (0.02, 0.3, 0.8):
            kills += _kill_at(share, kind, environment, tmp_path / "batches")
        assert kills >= 2
        db.session.rollback()
        batch = db.session.query(Batch).one()
        assert batch.state == "building"
        done = subprocess.run(_command(kind), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and f"{ORDERS} photos" in done.stdout, done.stdout + done.stderr
        db.session.rollback()
        batch = db.session.query(Batch).one()
        path = Path(str(batch.path))
        assert batch.state == "ready" and verify(path).problems == ()
        again = [*_command(kind)[:2], "--batch", batch.number, "--out", str(tmp_path / "undisturbed")]
        subprocess.run(again, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
        assert _tree(tmp_path / "undisturbed" / path.name) == _tree(path)
        assert [one.name for one in path.parent.iterdir() if not one.name.endswith(".lock")] == [path.name]


def _pictures(part: Path) -> int:
    return sum(1 for one in part.rglob("*.jpg"))


def test_killed_with_several_sheets_it_is_the_same_batch_and_leaves_no_press(make_app: Any, tmp_path: Path) -> None:
    """Over 500 photos a press works beside the build; it ends with it, whatever it is at."""
    app = make_app(STORAGE=f"folder:{tmp_path / 'store'}")
    with app.app_context():
        seed(SEVERAL, tmp_path / "store")
        environment = _environment(app, tmp_path)
        for reached in (
            lambda part: _pictures(part) >= 50,
            lambda part: _pictures(part) >= 700,  # the first sheet is being printed
            lambda part: any(part.glob("sheets/*.pdf")),
        ):
            presses = _kill_when(reached, environment, tmp_path / "batches")
            assert len(presses) == 1
            _wait_for_the_end_of(presses)
            db.session.rollback()
            assert db.session.query(Batch).one().state == "building"
        done = subprocess.run(
            _command("diploma"), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0 and f"{SEVERAL} photos" in done.stdout, done.stdout + done.stderr
        db.session.rollback()
        path = Path(str(db.session.query(Batch).one().path))
        assert verify(path).problems == ()
        assert sorted(one.name for one in (path / "sheets").iterdir()) == [f"{no:03d}.pdf" for no in range(1, 5)]
        again = [*_command("diploma")[:2], "--batch", path.name, "--out", str(tmp_path / "undisturbed")]
        subprocess.run(again, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=300)
        assert _tree(tmp_path / "undisturbed" / path.name) == _tree(path)


def _is_so_far(reached: Callable[[Path], bool], folder: Path) -> bool:
    try:
        return any(reached(part) for part in folder.glob(".*.part"))
    except FileNotFoundError:  # what the killed run before had left goes while it is looked at
        return False


def _kill_when(reached: Callable[[Path], bool], environment: dict[str, str], folder: Path) -> list[int]:
    """Run the command, kill it when its unfinished folder is so far; the processes that it had started."""
    process = subprocess.Popen(
        _command("diploma"), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        started = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if started and _is_so_far(reached, folder):
            process.send_signal(signal.SIGKILL)
            process.wait()
            return [int(one) for one in started]
        time.sleep(0.005)
    process.kill()
    process.wait()
    raise AssertionError("the build was over before it could be killed")


def _wait_for_the_end_of(processes: list[int]) -> None:
    end = time.monotonic() + 60
    while left := [one for one in processes if _runs(one)]:
        assert time.monotonic() < end, left
        time.sleep(0.05)


def _runs(process: int) -> bool:
    """Whether a press still works; a number that another process has got, or a dead one's, does not count."""
    try:
        return b"app.export.press" in Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _kill_at(share: float, kind: str, environment: dict[str, str], folder: Path) -> bool:
    """Run the command and kill it when so much of the batch was written; whether it was killed in the middle."""
    process = subprocess.Popen(
        _command(kind), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        parts = list(folder.glob(".*.part")) if folder.exists() else []
        if parts and sum(_size(part) for part in parts) >= share * ORDERS * 3_000_000:
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert not [one for one in folder.iterdir() if not one.name.startswith(".")]
            return True
        time.sleep(0.002)
    process.kill()
    process.wait()
    return False


def _size(part: Path) -> int:
    try:
        return sum(one.stat().st_size for one in ([part] if part.is_file() else part.rglob("*")) if one.is_file())
    except FileNotFoundError:
        return 0
