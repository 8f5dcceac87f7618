"""Static files by content: their address carries a mark of what is in them, so a browser may keep them for good."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

YEAR = 365 * 24 * 3600


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
        return response


@lru_cache(maxsize=500)
def _mark(path: Path) -> str | None:
    """Eight characters of the file's hash; nothing for a file that is not there. A changed file needs a restart."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8] if path.is_file() else None
