"""The checker child: the only process that runs native image code. No Redis, no database, no app in it.

It speaks over one pipe given by its number: a JSON request, then frames of bytes. It ends when the pipe does.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

FRAMES = {"photo": 8, "code": 2}
"""How many frames an answer has."""

MEMORY = 2 * 1024**3
"""Bytes of private memory: a 100-megapixel picture fits, a leak or a bomb ends the child instead of the machine."""


def main(descriptor: int) -> None:
    """Load the models, say so, and answer until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the keeper's business
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    pipe = Connection(descriptor)
    from workers.imaging.models import Models

    with Models() as models:
        _warm(models)
        gc.collect()
        gc.freeze()  # what libraries keep for ever is not searched through again between photos
        pipe.send_bytes(b"ready")
        while True:
            try:
                request = json.loads(pipe.recv_bytes())
            except (EOFError, OSError):
                return
            for frame in _safely(request, models):
                pipe.send_bytes(frame)


def _safely(request: dict[str, Any], models: Any) -> list[bytes]:
    """The answer, or the name of an error of ours: that is no fault of the picture's, and no reason to die."""
    try:
        return _answer(request, models)
    except Exception as error:
        traceback.print_exc()
        empty = FRAMES[request.get("what", "photo")] - 1
        return [json.dumps({"error": type(error).__name__, "rss": rss()}).encode(), *[b""] * empty]


def _answer(request: dict[str, Any], models: Any) -> list[bytes]:
    from app.rules.photo_rule import rule_from_json
    from workers.codes.reader import read
    from workers.examine import examine
    from workers.outcome import pack

    rule = rule_from_json(request["rule"])
    path = Path(request["path"])
    if request["what"] == "code":
        reading = read(path, rule)
        head = {"fault": reading.fault, "ms": reading.ms, "found": reading.payload is not None, "rss": rss()}
        return [json.dumps(head).encode(), reading.payload or b""]
    outcome = examine(path, rule, request["background"], request["policy"], models)
    return [json.dumps({"rss": rss()}).encode(), *pack(outcome)]


def rss() -> int:
    """Resident bytes of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _warm(models: Any) -> None:
    """First calls are slow (threads, compiled code): they belong to the start, not to a student's wait."""
    import numpy as np

    from workers.checks import modules

    grey = np.full((512, 384, 3), 128, np.uint8)
    models.faces(grey)
    models.sureness(grey)
    models.mask(grey)
    models.kinds(grey[:224, :224].copy())
    modules()
    _warm_matting()


def _warm_matting() -> None:
    """PyMatting compiles on its first call."""
    import numpy as np

    from workers.imaging import matting

    rgb = np.full((160, 120, 3), 230, np.uint8)
    mask = np.zeros((160, 120), np.float32)
    mask[60:, 40:80] = 1
    rgb[60:, 40:80] = (60, 50, 40)
    matting.replace(rgb, mask, matting.fit_wall(rgb, mask), (100, 197, 255))


if __name__ == "__main__":
    main(int(sys.argv[1]))
