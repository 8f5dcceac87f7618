"""One checker child for all tests of a module, and drawn pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.demo import portraits
from app.rules.photo_rule import load_rule_body
from workers.checker import Checker


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with Checker() as opened:
        yield opened


@pytest.fixture(scope="session")
def body() -> dict[str, Any]:
    """The shipped rule's body."""
    return load_rule_body("chsi-2017")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Draw a portrait once and give its file."""
    folder = tmp_path_factory.mktemp("drawn")

    def file(seed: int = 2, size: tuple[int, int] = (900, 1200), fault: str | None = None, **more: Any) -> Path:
        path = folder / f"{seed}-{size[0]}-{fault}-{len(more)}.jpg"
        if not path.exists():
            path.write_bytes(portraits.jpeg(portraits.portrait(seed, size, fault=fault, **more)))
        return path

    return file
