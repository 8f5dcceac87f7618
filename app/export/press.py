"""The press: everything on paper, from 501 photos on by a process of its own, while the rest of the batch is written.

The process reads the pictures that the batch already holds, answers with finished PDFs, and ends with the pipe: whoever
kills a build has nothing else to kill, and only the build writes files.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from app.export.frozen import FrozenBatch, FrozenItem
from app.export.paths import by_class

ROOT = Path(__file__).resolve().parent.parent.parent

MOST = 500
"""Photos in one PDF: memory grows with it."""


def chunks(items: Sequence[FrozenItem]) -> Iterator[Sequence[FrozenItem]]:
    """Items sheet by sheet."""
    for start in range(0, len(items), MOST):
        yield items[start : start + MOST]


class Press:
    """Prints into `folder`, where the pictures lie. A context manager; ask for `finished` before it ends."""

    def __init__(self, batch: FrozenBatch, folder: Path) -> None:
        self._batch, self._folder = replace(batch, items=()), folder
        self._counts = by_class(batch.items)
        self._sheets, self._work = 0, list[tuple[int, str, Future[str]]]()
        self._thread = ThreadPoolExecutor(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        if len(batch.items) > MOST:
            self._start()

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.export.press", str(theirs.fileno())],
            cwd=ROOT, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        self._pipe.send((self._batch, self._folder.resolve()))

    def __enter__(self) -> Press:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._pipe is not None:
            self._process.kill()
            self._process.wait()
            self._pipe.close()
        self._thread.shutdown(cancel_futures=True)

    def sheet(self, items: Sequence[FrozenItem], names: Sequence[str]) -> None:
        """Have the next sheet printed; `names` are the pictures' paths below the folder."""
        self._sheets += 1
        job = f"{self._batch.number}-{self._sheets:03d}"
        self._take(len(items), f"sheets/{self._sheets:03d}.pdf", ("sheet", items, names, job))

    def note(self, fingerprint: str) -> None:
        """Have the delivery note printed."""
        self._take(0, "delivery-note.pdf", ("note", self._counts, fingerprint))

    def _take(self, count: int, name: str, order: tuple[Any, ...]) -> None:
        self._work.append((count, name, self._thread.submit(self._print, name, order)))

    def _print(self, name: str, order: tuple[Any, ...]) -> str:
        if self._pipe is None:
            data = printed(self._batch, self._folder, *order)
        else:
            self._pipe.send(order)
            data = self._pipe.recv_bytes()
        (self._folder / name).write_bytes(data)
        return hashlib.sha256(data).hexdigest()

    def finished(self) -> Iterator[tuple[int, str, str]]:
        """Photos on it, name and hash of each PDF, in order. Raises EOFError when the process died."""
        for count, name, future in self._work:
            yield count, name, future.result()


def printed(batch: FrozenBatch, folder: Path, what: str, *order: Any) -> bytes:
    """One PDF: a `sheet` of items, their pictures' names and a job; or the `note` of counts and a fingerprint."""
    from app.export.delivery_note import delivery_note  # ReportLab, and with it Pillow, only where something is printed
    from app.export.sheets import sheet

    if what == "note":
        return delivery_note(batch, *order)
    items, names, job = order
    by_item = {item.position: name for item, name in zip(items, names, strict=True)}
    return sheet(batch, items, job, lambda item: (folder / by_item[item.position]).read_bytes())


def main() -> None:
    """Print what comes over the pipe until it ends."""
    pipe = Connection(int(sys.argv[1]))
    try:
        batch, folder = pipe.recv()
        while True:
            pipe.send_bytes(printed(batch, folder, *pipe.recv()))
    except (EOFError, ConnectionError):
        return


if __name__ == "__main__":
    main()
