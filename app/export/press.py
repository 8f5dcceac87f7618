"""The press: everything on paper, from 501 photos on by processes of its own, while the rest of the batch is written.

A process reads the pictures that the batch already holds, answers with finished PDFs, and ends with the pipe: whoever
kills a build has nothing else to kill, and only the build writes files. Each PDF is a function of its own pictures, so
who prints it, and when, changes no byte.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from app.export.frozen import FrozenBatch, FrozenItem
from app.export.paths import by_class

ROOT = Path(__file__).resolve().parent.parent.parent

MOST = 500
"""Photos in one PDF: memory grows with it."""

MOST_PRINTERS = 2

Order = tuple[Any, ...]
"""What to print, as `printed` takes it."""


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
        self._printers = [Printer(self._batch, folder) for _ in range(_printers(len(batch.items)))]
        self._idle = SimpleQueue[Printer]()
        for printer in self._printers:
            self._idle.put(printer)
        self._threads = ThreadPoolExecutor(max(1, len(self._printers)))

    def __enter__(self) -> Press:
        return self

    def __exit__(self, *_: object) -> None:
        for printer in self._printers:
            printer.kill()
        self._threads.shutdown(cancel_futures=True)  # whoever waits for an answer gets none any more
        for printer in self._printers:
            printer.close()

    def sheet(self, items: Sequence[FrozenItem], names: Sequence[str]) -> None:
        """Have the next sheet printed; `names` are the pictures' paths below the folder."""
        self._sheets += 1
        job = f"{self._batch.number}-{self._sheets:03d}"
        self._take(len(items), f"sheets/{self._sheets:03d}.pdf", ("sheet", items, names, job))

    def note(self, fingerprint: str) -> None:
        """Have the delivery note printed."""
        self._take(0, "delivery-note.pdf", ("note", self._counts, fingerprint))

    def _take(self, count: int, name: str, order: Order) -> None:
        self._work.append((count, name, self._threads.submit(self._print, name, order)))

    def _print(self, name: str, order: Order) -> str:
        data = self._by_printer(order) if self._printers else printed(self._batch, self._folder, *order)
        (self._folder / name).write_bytes(data)
        return hashlib.sha256(data).hexdigest()

    def _by_printer(self, order: Order) -> bytes:
        """There are as many threads as printers, so one is idle; one that died is put back and fails the rest too."""
        printer = self._idle.get()
        try:
            return printer.print(order)
        finally:
            self._idle.put(printer)

    def finished(self) -> Iterator[tuple[int, str, str]]:
        """Photos on it, name and hash of each PDF, in order. Raises EOFError when a printer died."""
        for count, name, future in self._work:
            yield count, name, future.result()


def _printers(photos: int) -> int:
    """How many processes print: none for one sheet, one for a few, two where there are two processors.

    Each holds about 110 MB. More than two gain nothing: then writing the pictures takes longer than printing them.
    """
    sheets = -(-photos // MOST)
    return 0 if sheets < 2 else min(MOST_PRINTERS, len(os.sched_getaffinity(0)), max(1, sheets // 2))


class Printer:
    """One process that prints, at the other end of a pipe."""

    def __init__(self, batch: FrozenBatch, folder: Path) -> None:
        self._pipe, theirs = Pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "app.export.press", str(theirs.fileno())],
            cwd=ROOT, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        self._pipe.send((batch, folder.resolve()))

    def print(self, order: Order) -> bytes:
        """The PDF. Raises EOFError or OSError when the process died."""
        self._pipe.send(order)
        return self._pipe.recv_bytes()

    def kill(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close the pipe, once nobody waits at it."""
        self._pipe.close()


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
