"""A stored picture on its way into a batch: read once, and never another than the one that was frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from app.export.frozen import FrozenItem


class SourceChanged(Exception):
    """A stored file is not what was frozen; names the order."""

    def __init__(self, number: str) -> None:
        super().__init__(f"the stored photo or code of order {number} is missing or not the one that was frozen")
        self.number = number


class Picture(NamedTuple):
    """Whose it is, how it is read, and the hash that it must have."""

    item: FrozenItem
    load: Callable[[FrozenItem], bytes]
    sha256: str

    def read(self) -> bytes:
        """The bytes. Raises SourceChanged when they are missing or others."""
        try:
            data = self.load(self.item)
        except FileNotFoundError:
            raise SourceChanged(self.item.order_number) from None
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise SourceChanged(self.item.order_number)
        return data
