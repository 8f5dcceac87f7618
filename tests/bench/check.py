"""make bench WHAT=check: the checker by size and stage, its floor, memory, two against one. Two to four minutes.

Everything runs on one core. Ratios are given twice: of the quickest rounds by the clock, and of the mean processor
time, which counts what else the machine does least. Stages are those of the quickest rounds.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from PIL import Image

from app.demo import portraits
from app.rules.photo_rule import PhotoRule, load_rule, load_rule_body
from tests.bench.common import say, spread, timed
from workers.checker import HEAP, Checker
from workers.imaging.decode import decode
from workers.imaging.encode import encode_once
from workers.imaging.models import Models

SIZES = {"480x640 JPEG": (480, 640), "2 MP JPEG": (1224, 1632), "12 MP JPEG": (3024, 4032)}
ROUNDS = 20
FEW_ROUNDS = 8


class Floor(NamedTuple):
    """Milliseconds a file: the least by the clock, the mean by processor time."""

    least: float
    busy: float


def _files(folder: Path) -> dict[str, Path]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    made = {}
    for name, size in SIZES.items():
        made[name] = folder / f"{size[0]}.jpg"
        image = portraits.portrait(2, (1200, 1600)).resize(size, Image.Resampling.LANCZOS)
        made[name].write_bytes(portraits.jpeg(image, 93))
    made["12 MP HEIC"] = folder / "phone.heic"
    with Image.open(made["12 MP JPEG"]) as image:
        image.save(made["12 MP HEIC"], "HEIF", quality=85)
    return made


def _same_heap() -> None:
    """The floor is measured with the heap that the checker child keeps (`HEAP`): else it would pay for page faults."""
    libc = ctypes.CDLL(None)
    for option, name in ((-3, "MALLOC_MMAP_THRESHOLD_"), (-1, "MALLOC_TRIM_THRESHOLD_")):
        libc.mallopt(option, int(HEAP[name]))


def _floor(kind: str, path: Path, models: Models, rule: PhotoRule) -> Floor:
    """Decode, every model used once, one encoding of a rendition: what no checker can do without. Parts are printed."""
    parts: dict[str, list[float]] = {}
    busy = 0.0

    def part(name: str, what: Callable[..., Any], *values: Any) -> Any:
        nonlocal busy
        start, worked = time.perf_counter(), time.process_time()
        made = what(*values)
        parts.setdefault(name, []).append((time.perf_counter() - start) * 1000)
        busy += time.process_time() - worked
        return made

    for _ in range(FEW_ROUNDS):
        picture = part("decode", decode, path, rule)
        small = part("reduce", lambda seen: seen.small, picture)
        part("landmarks", models.faces, small)
        part("detector", models.sureness, small)
        view, portrait = (Image.fromarray(small).resize(size) for size in ((384, 512), (480, 640)))
        part("mask", models.mask, np.asarray(view))
        part("things", models.kinds, np.asarray(view.resize((224, 224))))
        part("encode", encode_once, portrait, 86, 0, 300)
    least = {name: min(ms) for name, ms in parts.items()}
    found = Floor(sum(least.values()), busy * 1000 / FEW_ROUNDS)
    say(
        f"floor {kind}, ms",
        f"{found.least:8.1f}  cpu {found.busy:.1f}   " + "  ".join(f"{name} {ms:.0f}" for name, ms in least.items()),
    )
    return found


def main() -> None:
    """Print everything."""
    body, cores = load_rule_body("chsi-2017"), os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        files = _files(Path(name))
        _same_heap()
        os.sched_setaffinity(0, {min(cores)})  # one core, for the floor's models and the child
        with Models() as models, Checker() as checker:
            start = time.perf_counter()
            checker.start()
            say("checker child ready, ms", f"{(time.perf_counter() - start) * 1000:.0f}")
            for kind, path in files.items():
                floor = _floor(kind, path, models, load_rule("chsi-2017"))
                for policy in ("keep", "replace") if kind == "480x640 JPEG" else ("keep",):
                    _one(checker, kind, path, body, policy, floor)
            _memory(checker)
        _two(files["12 MP JPEG"], body, sorted(cores))


def _one(checker: Checker, kind: str, path: Path, body: dict[str, Any], policy: str, floor: Floor) -> None:
    stages: dict[str, list[float]] = {}

    def once() -> None:
        for stage, ms in checker.check(path, body, "blue", policy=policy).timings.items():
            stages.setdefault(stage, []).append(ms)

    once()
    stages.clear()
    before = _busy(checker)
    values = timed(once, FEW_ROUNDS if "HEIC" in kind else ROUNDS)
    busy = (_busy(checker) - before) / len(values)
    per_second = 1000 * len(values) / sum(values)
    say(f"{kind} ({policy}), ms", f"{spread(values)}  least {min(values):.1f}  cpu {busy:.1f}  {per_second:5.1f}/s")
    say(
        "   times the floor", f"{min(values) / floor.least:.2f} by the clock, {busy / floor.busy:.2f} by processor time"
    )
    say("   by stage, ms", "  ".join(f"{stage} {min(ms):.0f}" for stage, ms in stages.items()))


def _busy(checker: Checker) -> float:
    """Milliseconds of processor time that the child took so far."""
    assert checker.pid is not None
    times = psutil.Process(checker.pid).cpu_times()
    return (times.user + times.system) * 1000


def _memory(checker: Checker) -> None:
    if checker.pid is not None:
        say("checker child, resident MB", f"{psutil.Process(checker.pid).memory_info().rss / 1e6:.0f}")


def _two(path: Path, body: dict[str, Any], cores: list[int]) -> None:
    """One child, then two, each on a core of its own."""

    def many(count: int) -> tuple[float, float]:
        checkers = [Checker() for _ in range(count)]
        try:
            for one, core in zip(checkers, cores, strict=False):
                os.sched_setaffinity(0, {core})
                one.check(path, body, "blue")
            os.sched_setaffinity(0, cores)
            start, before = time.perf_counter(), sum(map(_busy, checkers))
            with ThreadPoolExecutor(count) as pool:
                list(pool.map(lambda c: [c.check(path, body, "blue") for _ in range(ROUNDS)], checkers))
            photos = ROUNDS * count
            return photos / (time.perf_counter() - start), (sum(map(_busy, checkers)) - before) / photos
        finally:
            for one in checkers:
                one.stop()

    (alone, cpu_alone), (both, cpu_both) = many(1), many(2)
    say("12 MP JPEG, photos a second", f"one {alone:.1f}  two {both:.1f}  x {both / alone:.2f}")
    say("   by processor time", f"one {cpu_alone:.1f} ms  two {cpu_both:.1f} ms each  x {2 * cpu_alone / cpu_both:.2f}")


if __name__ == "__main__":
    main()
