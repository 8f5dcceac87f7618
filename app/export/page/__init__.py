"""The page with which a receiver checks a batch offline: one file, put together from its parts.

It lies in every batch and can be fetched from the console. Its own policy lets nothing in but its own script and style
(by hash) and nothing out at all, and it works from a folder on the receiver's disk.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

_FOLDER = Path(__file__).parent
SCRIPTS = ("zip.js", "check.js", "show.js")


def page(fingerprint: str) -> bytes:
    """The page of the installation with this key. The same code and key are the same bytes."""
    script = "\n".join(_part(name) for name in SCRIPTS).replace("{{fingerprint}}", fingerprint)
    style = _part("verify.css")
    text = _part("verify.html").replace("{{policy}}", policy(script, style)).replace("{{fingerprint}}", fingerprint)
    return text.replace("{{style}}", style).replace("{{script}}", script).encode()


def policy(script: str, style: str) -> str:
    """Content-Security-Policy: this script, this style, pictures out of the batch, and no connection to anywhere."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _part(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
