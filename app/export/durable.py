"""Files that outlast a power cut, and a batch that is in its place whole or not at all."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

_syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def place(part: Path, path: Path) -> None:
    """Put a finished file or folder in its place. Nobody ever sees half a batch.

    A folder that lay there is put `aside`, where nothing may lie yet: removing thousands of files takes its time, which
    the caller chooses.
    """
    if path.is_dir():
        os.replace(path, aside(path))
    os.replace(part, path)
    sync(path.parent)


def aside(path: Path) -> Path:
    """Where a folder lies once another has taken its place, until it is removed."""
    return path.with_name(f".{path.name}.old")


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """This file or folder is on the disk. Raises OSError when it could not be written."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Tree:
    """A folder with everything below it, synced at once: open it before the first file is written.

    One `syncfs` does for thousands of files what `fsync` does for each; since Linux 5.8 it tells, as `fsync` does, when
    anything since `Tree` was opened could not be written (syncfs(2)). Elsewhere each file is synced by itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle = os.open(folder, os.O_RDONLY)

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def sync(self) -> None:
        """Everything in the folder is on the disk. Raises OSError when something could not be written."""
        if _syncfs is None or not _tells_errors():
            for directory, _, names in os.walk(self._folder):
                for name in [*names, "."]:
                    sync(Path(directory, name))
        elif _syncfs(self._handle) != 0:
            raise OSError(ctypes.get_errno(), "the disk could not keep the files", str(self._folder))


def _tells_errors() -> bool:
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 8)
