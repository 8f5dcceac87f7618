"""Files that somebody who tries the demo needs in hand: a collection code, one good photo and some with a fault."""

from __future__ import annotations

import secrets

from app.demo import portraits

FAULTS = ("smile", "tilted", "wrong_wall")
_FIRST_SEED = 1000  # the demo's own people are drawn from smaller seeds


def sample(name: str) -> tuple[bytes, str]:
    """A new file and its name: `code`, `good` or one of FAULTS. Each is new, so no order has it already."""
    if name == "code":
        return portraits.collection_code(f"CHSI-SAMPLE-{secrets.token_hex(8)}".encode()), "caijima.png"
    fault = name if name in FAULTS else None
    image = portraits.portrait(_FIRST_SEED + secrets.randbelow(1_000_000), fault=fault)
    return portraits.jpeg(image), f"{name}.jpg"
