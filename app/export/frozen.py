"""What a batch froze: everything its bytes depend on, and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

CHSI, DIPLOMA = "chsi", "diploma"
KIND_NAMES = {CHSI: "学信网 CHSI", DIPLOMA: "证书 Diploma"}
NO_CLASS = "未分班"


Progress = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


@dataclass(frozen=True, slots=True)
class FrozenItem:
    """One order in a batch. `file_name` is the stem made by the naming template, unique in the batch."""

    position: int
    order_number: str
    photo_no: int
    name: str
    student_no: str
    id_type: str
    id_no: str
    college: str
    class_name: str
    education_level: str
    education_category: str
    campus: str
    school_name: str
    file_name: str
    rendition_sha256: str
    code_sha256: str | None
    code_suffix: str | None
    code_payload: str | None
    rule: str
    approved_at: str

    def to_json(self) -> str:
        """Canonical JSON."""
        return canonical({name: getattr(self, name) for name in _FIELDS})

    @staticmethod
    def from_json(text: str) -> FrozenItem:
        """The item again; what an older version froze beyond today's fields is passed over."""
        values = json.loads(text)
        for name in _SAME:
            values[name] = sys.intern(values[name])
        return FrozenItem(*[values[name] for name in _FIELDS])

    def named(self, file_name: str) -> FrozenItem:
        """The item with this file name."""
        return replace(self, file_name=file_name)


_FIELDS = tuple(field.name for field in fields(FrozenItem))
_SAME = ("id_type", "college", "class_name", "education_level", "education_category", "campus", "school_name", "rule")
"""What is the same for many: kept once, however many items a batch has."""


@dataclass(frozen=True)
class FrozenBatch:
    """A batch: its facts and its items in order of position."""

    number: str
    kind: str
    school_code: str
    school_name: str
    campaign_code: str
    campaign_name: str
    frozen_at: str
    rule: str
    print_width_mm: int
    print_height_mm: int
    paper: str
    fonts: tuple[str, ...]
    superseded: tuple[str, ...]
    previous: str | None
    items: tuple[FrozenItem, ...]

    def facts(self) -> dict[str, Any]:
        """What batch.json says about the batch as a whole; no person is named in it."""
        facts = {name: value for name, value in vars(self).items() if name != "items"}
        return facts | {"count": len(self.items), "superseded": list(self.superseded), "fonts": list(self.fonts)}


class Sources(Protocol):
    """Where the bytes come from."""

    def rendition(self, item: FrozenItem) -> bytes:
        """The delivered JPEG. Raises FileNotFoundError."""

    def code(self, item: FrozenItem) -> bytes:
        """The collection-code picture as uploaded. Raises FileNotFoundError."""


class Signer(Protocol):
    """The installation's Ed25519 key."""

    @property
    def public_key(self) -> bytes:
        """32 raw bytes."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, hexadecimal."""

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spare space: the same value is always the same text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
