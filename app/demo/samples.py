"""Files that somebody who tries the demo needs in hand: a collection code, one good photo and some with a fault."""

from __future__ import annotations

import secrets

from app.demo import portraits

FAULTS = ("open_mouth", "tilted", "wrong_wall")
"""Faults that fail on every drawn face; a smile only warns on some."""
_FIRST_SEED = 1000  # the demo's own people are drawn from smaller seeds


def sample(name: str, number: int | None = None) -> tuple[bytes, str]:
    """A file and its name: `code`, `good` or one of FAULTS. Without a `number` it is new, so no order has it already."""
    if name == "code":
        return portraits.collection_code(f"CHSI-SAMPLE-{secrets.token_hex(8)}".encode()), "caijima.png"
    fault = name if name in FAULTS else None
    image = portraits.portrait(_FIRST_SEED + (secrets.randbelow(1_000_000) if number is None else number), fault=fault)
    return portraits.jpeg(image), f"{name}.jpg"
