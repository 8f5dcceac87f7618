"""Makes the installers go out as this machine does: its certificates, its package index."""

from __future__ import annotations

import os
import re
from pathlib import Path

from scripts.steps import run

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def trust_the_machine() -> None:
    """uv and Node.js carry certificates of their own: behind a campus proxy only the machine's are right."""
    if CERTIFICATES.exists():
        os.environ.setdefault("UV_SYSTEM_CERTS", "true")
        os.environ.setdefault("NODE_EXTRA_CA_CERTS", str(CERTIFICATES))


def index_of(pip_config: str) -> str | None:
    """The package index that `pip config list` names, or None; the environment goes before files, as in pip."""
    found = re.findall(r"^(:env:|global|install)\.index-url='(.+)'$", pip_config, re.MULTILINE)
    rank = {":env:": 0, "install": 1, "global": 2}
    return min(found, key=lambda pair: rank[pair[0]])[1] if found else None


def use_pips_index(python: Path) -> None:
    """A mirror that was set up for pip serves uv too, which does not read pip's settings. Hashes hold for both."""
    if "UV_DEFAULT_INDEX" not in os.environ:
        listed = run([str(python), "-m", "pip", "config", "list"], "pip's settings could not be read.")
        if index := index_of(listed):
            os.environ["UV_DEFAULT_INDEX"] = index
