"""Photo rules as versioned data: shipped files, and the bodies that the database keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "photo_rules"


def load_rule_body(code: str) -> dict[str, Any]:
    """The body of a shipped rule. Raises FileNotFoundError for an unknown code."""
    body: dict[str, Any] = json.loads((_FOLDER / f"{code}.json").read_text("utf-8"))
    return body
