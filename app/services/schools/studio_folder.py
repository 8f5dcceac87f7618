"""A studio's folder on this machine: which files are pictures, their names as text, their bytes; none believed."""

from __future__ import annotations

import os
from pathlib import Path

from flask import current_app

from app.services import submissions


def files(folder: Path) -> list[Path]:
    """The pictures of a folder and those below it, in order; hidden files and resource forks are none.

    Nor are links: a studio's folder must not bring in what lies elsewhere on this machine.
    """
    suffixes = {f".{suffix}" for suffix in (*submissions.PICTURES.values(), "jpeg")}
    found = [path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file()]
    own = [path for path in found if not path.is_symlink()]
    return sorted(path for path in own if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def name_of(path: Path) -> str:
    """A file's name as text. Archives made on Chinese Windows unpack here as GBK bytes, which no column holds."""
    raw = os.fsencode(path.name)
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def read(path: Path) -> bytes:
    """A file's bytes, of one that is too large only enough to refuse it."""
    with path.open("rb") as file:
        return file.read(current_app.config["UPLOAD_MAX_MB"] * 1024 * 1024 + 1)
