"""Static files by content: their address carries a mark of what is in them, so a browser may keep them for good.

Style sheets and scripts go out compressed: htmx alone is 52 KB, a second on a slow phone. Pages do not: they carry
secrets beside what a visitor typed, and the length of a compressed page would tell of both (BREACH).
"""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

YEAR = 365 * 24 * 3600
PACKED = {"text/css", "text/javascript", "application/javascript", "image/svg+xml"}
"""Kinds of static files that shrink; the samples' WebP would not."""


def init_app(app: Flask) -> None:
    """Mark addresses of static files; let marked ones be kept for a year, others asked about again."""
    folder = Path(app.static_folder or "")

    @app.url_defaults
    def mark(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values:
            values["v"] = _mark(folder / values["filename"])

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint == "static" and request.args.get("v") and response.status_code in (200, 304):
            response.cache_control.no_cache = None
            response.cache_control.public, response.cache_control.max_age = True, YEAR
            response.cache_control.immutable = True
            _pack(response, folder)
        return response


def _pack(response: Response, folder: Path) -> None:
    """Compress the whole of a file for a browser that takes it so."""
    if response.mimetype not in PACKED:
        return
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or not request.accept_encodings["gzip"] or not request.view_args:
        return
    response.direct_passthrough = False
    response.set_data(_packed(folder / request.view_args["filename"], request.args["v"]))
    response.content_encoding = "gzip"
    response.set_etag(f"{response.get_etag()[0]}-gzip")


@lru_cache(maxsize=100)
def _packed(path: Path, _mark: str) -> bytes:
    """The file compressed, once for each content of it."""
    return gzip.compress(path.read_bytes(), mtime=0)


@lru_cache(maxsize=500)
def _mark(path: Path) -> str | None:
    """Eight characters of the file's hash; nothing for a file that is not there. A changed file needs a restart."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8] if path.is_file() else None
