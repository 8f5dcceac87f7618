"""make bench WHAT=check: the checker by size and stage, its floor, memory, two against one. Two to four minutes.

Ratios and stages are those of the quickest rounds: what else the machine does then counts least.
"""

from __future__ import annotations

import ctypes
import io
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.demo import portraits
from app.rules.photo_rule import load_rule, load_rule_body
from tests.bench.common import say, spread, timed
from workers.checker import HEAP, Checker

SIZES = {"480x640 JPEG": (480, 640), "2 MP JPEG": (1224, 1632), "12 MP JPEG": (3024, 4032)}
ROUNDS = 20
FEW_ROUNDS = 8


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


def floors(files: dict[str, Path]) -> dict[str, float]:
    """Decode, every model once, one JPEG: what no checker can do without. Least milliseconds a file, parts printed."""
    from workers.imaging.decode import decode
    from workers.imaging.models import Models

    rule, found = load_rule("chsi-2017"), {}
    with Models() as models:
        for kind, path in files.items():
            parts: dict[str, list[float]] = {}

            def part(name: str, what: Callable[[], Any], parts: dict[str, list[float]] = parts) -> Any:
                start = time.perf_counter()
                made = what()
                parts.setdefault(name, []).append((time.perf_counter() - start) * 1000)
                return made

            for _ in range(FEW_ROUNDS):
                picture = part("decode", lambda path=path: decode(path, rule))  # type: ignore[misc]
                small = part("reduce", lambda picture=picture: picture.small)  # type: ignore[misc]
                part("landmarks", lambda small=small: models.faces(small))  # type: ignore[misc]
                view = Image.fromarray(small).resize((384, 512))
                part("mask", lambda view=view: models.mask(np.array(view)))  # type: ignore[misc]
                portrait = Image.fromarray(small).resize((480, 640))
                part("encode", lambda portrait=portrait: portrait.save(io.BytesIO(), "JPEG", quality=86, optimize=True))  # type: ignore[misc]
            least = {name: min(ms) for name, ms in parts.items()}
            found[kind] = sum(least.values())
            say(f"floor {kind}, ms", f"{found[kind]:8.1f}  " + "  ".join(f"{k} {v:.0f}" for k, v in least.items()))
    return found


def main() -> None:
    """Print everything."""
    body = load_rule_body("chsi-2017")
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Checker() as checker:
        files = _files(Path(name))
        _same_heap()
        floor = floors(files)
        start = time.perf_counter()
        checker.start()
        say("checker child ready, ms", f"{(time.perf_counter() - start) * 1000:.0f}")
        for kind, path in files.items():
            for policy in ("keep", "replace") if kind == "480x640 JPEG" else ("keep",):
                _one(checker, kind, path, body, policy, floor[kind])
        _memory(checker)
        _two(files["12 MP JPEG"], body)


def _one(checker: Checker, kind: str, path: Path, body: dict[str, Any], policy: str, floor: float) -> None:
    stages: dict[str, list[float]] = {}

    def once() -> None:
        for stage, ms in checker.check(path, body, "blue", policy=policy).timings.items():
            stages.setdefault(stage, []).append(ms)

    once()
    stages.clear()
    values = timed(once, FEW_ROUNDS if "HEIC" in kind else ROUNDS)
    per_second = 1000 * len(values) / sum(values)
    say(f"{kind} ({policy}), ms", f"{spread(values)}  {per_second:5.1f}/s  floor x {min(values) / floor:.2f}")
    parts = "  ".join(f"{stage} {min(ms):.0f}" for stage, ms in stages.items())
    say("   by stage, ms", parts)


def _memory(checker: Checker) -> None:
    import psutil

    if checker.pid is not None:
        say("checker child, resident MB", f"{psutil.Process(checker.pid).memory_info().rss / 1e6:.0f}")


def _two(path: Path, body: dict[str, Any]) -> None:
    def many(count: int) -> float:
        checkers = [Checker() for _ in range(count)]
        try:
            for one in checkers:
                one.check(path, body, "blue")
            start = time.perf_counter()
            with ThreadPoolExecutor(count) as pool:
                list(pool.map(lambda c: [c.check(path, body, "blue") for _ in range(20)], checkers))
            return 20 * count / (time.perf_counter() - start)
        finally:
            for one in checkers:
                one.stop()

    alone, both = many(1), many(2)
    say("12 MP JPEG, photos a second", f"one {alone:.1f}  two {both:.1f}  x {both / alone:.2f}")


if __name__ == "__main__":
    main()
