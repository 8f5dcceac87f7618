"""Where each order's files lie in a batch, and in which order people meet them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from natsort import natsorted

from app.export.frozen import CHSI, NO_CLASS, FrozenItem
from app.export.naming import distinct, safe


def photo_paths(kind: str, items: Sequence[FrozenItem]) -> dict[int, str]:
    """The picture's path of each item, by position."""
    if kind == CHSI:
        return {item.position: f"photos/{item.file_name}.jpg" for item in items}
    ordered = in_order(items)
    stems = [f"{_folder(item.college)}/{_folder(item.class_name)}/{_person(item)}" for item in ordered]
    return {item.position: f"{stem}.jpg" for item, stem in zip(ordered, distinct(stems), strict=True)}


def code_path(item: FrozenItem) -> str:
    """The collection code's path, empty where there is none."""
    return f"codes/{item.file_name}.{item.code_suffix}" if item.code_sha256 else ""


def in_order(items: Sequence[FrozenItem]) -> list[FrozenItem]:
    """By college and class, within a class in natural order of the student number (9 before 10)."""
    return natsorted(items, key=lambda item: (item.college, item.class_name, item.student_no, item.position))


def by_class(items: Iterable[FrozenItem]) -> Counter[tuple[str, str]]:
    """How many photos each college and class has, as on the delivery note."""
    return Counter((item.college, item.class_name) for item in items)


def _folder(name: str) -> str:
    return safe(name or NO_CLASS)


def _person(item: FrozenItem) -> str:
    return safe(f"{item.student_no}_{item.name}")
