"""Everything that would go wrong with a batch, before it is one."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from app.export.encodings import lacking_gb18030, lacking_gbk, spelled
from app.export.frozen import CHSI, DIPLOMA, FrozenBatch, FrozenItem
from app.export.layout import fits
from app.export.naming import collisions
from app.rules.text import N_

SENTENCES = {
    "missing_file": N_("照片或采集码文件缺失，无法生成"),
    "changed_file": N_("照片或采集码文件与审核时不同，无法生成"),
    "print_size": N_("照片的打印尺寸超出纸张，无法生成"),
    "no_consent": N_("学生已撤回同意，不会导出"),
    "collision": N_("文件名相同，将加 -2、-3 区分"),
    "same_photo": N_("多个订单使用同一张照片"),
    "same_code": N_("多个订单使用同一个采集码"),
    "same_identity": N_("多个订单使用同一个证件号"),
    "same_student": N_("多个订单使用同一个学号"),
    "no_code": N_("没有识别的采集码"),
    "too_large": N_("照片超过规则的大小上限"),
    "gb18030": N_("含 GB18030-2022 没有的字符"),
    "gbk": N_("含 GBK 没有的字符，旧系统可能显示为问号"),
    "no_glyph": N_("含印刷字体没有的字符，将印作 U+编码"),
    "no_class": N_("缺少班级，将归入未分班"),
    "too_small": N_("照片小于规则的建议大小"),
    "older_rule": N_("按旧版照片规则审核"),
}
"""Gravest first."""

STOPS = frozenset({"missing_file", "changed_file", "print_size"})
"""With these a batch cannot be built."""


@dataclass(frozen=True)
class Problem:
    """One kind of trouble and the orders that have it; `detail` says which characters, where it is about characters."""

    kind: str
    orders: tuple[str, ...]
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What it means, as a message key."""
        return SENTENCES[self.kind]

    @property
    def stops(self) -> bool:
        """Whether the batch cannot be built with it."""
        return self.kind in STOPS


@dataclass(frozen=True)
class Expected:
    """What the batch is held against."""

    newest_rule: str
    most_bytes: int
    least_bytes: int
    left_out: tuple[str, ...] = ()  # numbers of orders whose consent was withdrawn


@dataclass(frozen=True)
class StoredFile:
    """One file as the store really has it."""

    sha256: str
    size: int

    @staticmethod
    def of(data: bytes) -> StoredFile:
        """Measured, and the bytes forgotten."""
        return StoredFile(hashlib.sha256(data).hexdigest(), len(data))


@dataclass(frozen=True)
class Stored:
    """What the store holds for one item; None is nothing."""

    rendition: StoredFile | None
    code: StoredFile | None


def problems(batch: FrozenBatch, expected: Expected, stored: Mapping[int, Stored]) -> tuple[Problem, ...]:
    """What a producer should know first, by kind, gravest first. `stored` by position."""
    found: dict[str, list[str]] = defaultdict(list)
    looks = _looks(batch)
    for item in batch.items:
        for kind in _own(item, batch.kind, expected, stored[item.position]):
            found[kind].append(item.order_number)
        for kind, look in looks.items():
            if look(_text(item)):
                found[kind].append(item.order_number)
    same = collisions([item.file_name for item in batch.items])
    found["collision"] = [item.order_number for item in batch.items if item.file_name in same]
    for kind, key in _SHARED.items():
        found[kind] = _shared(batch, key)
    found["no_consent"] = list(expected.left_out)
    if batch.kind == DIPLOMA and not fits(batch.print_width_mm, batch.print_height_mm, batch.paper):
        found["print_size"] = [item.order_number for item in batch.items]
    details = {kind: spelled(look("".join(map(_text, batch.items)))) for kind, look in looks.items()}
    return tuple(Problem(kind, tuple(found[kind]), details.get(kind, "")) for kind in SENTENCES if found.get(kind))


_SHARED: Mapping[str, Callable[[FrozenItem], str | None]] = {
    "same_photo": lambda item: item.rendition_sha256,
    "same_code": lambda item: item.code_payload,
    "same_identity": lambda item: item.id_no,
    "same_student": lambda item: item.student_no,
}


def _looks(batch: FrozenBatch) -> dict[str, Callable[[str], str]]:
    """What tells the characters that somebody lacks; glyphs matter to the press only."""
    from app.export.lettering import Lettering  # the web loads no ReportLab, and with it no Pillow, until it prints

    looks: dict[str, Callable[[str], str]] = {"gb18030": lacking_gb18030, "gbk": lacking_gbk}
    return looks | ({"no_glyph": Lettering(batch.fonts).lacking} if batch.kind == DIPLOMA else {})


def _text(item: FrozenItem) -> str:
    """What the receiver's system and the press have to write of a person."""
    return f"{item.name}{item.college}{item.class_name}"


def _own(item: FrozenItem, kind: str, expected: Expected, stored: Stored) -> Iterator[str]:
    yield from _files(item, kind, stored)
    if not item.class_name:
        yield "no_class"
    if kind == CHSI and item.code_payload is None:
        yield "no_code"
    if stored.rendition and stored.rendition.size > expected.most_bytes:
        yield "too_large"
    if stored.rendition and stored.rendition.size < expected.least_bytes:
        yield "too_small"
    if item.rule != expected.newest_rule:
        yield "older_rule"


def _files(item: FrozenItem, kind: str, stored: Stored) -> Iterator[str]:
    wanted = [(stored.rendition, item.rendition_sha256)]
    if kind == CHSI and item.code_sha256:
        wanted.append((stored.code, item.code_sha256))
    if any(file is None for file, _ in wanted):
        yield "missing_file"
    if any(file is not None and file.sha256 != sha256 for file, sha256 in wanted):
        yield "changed_file"


def _shared(batch: FrozenBatch, key: Callable[[FrozenItem], str | None]) -> list[str]:
    by: dict[str, list[str]] = defaultdict(list)
    for item in batch.items:
        value = key(item)
        if value:
            by[value].append(item.order_number)
    return [number for numbers in by.values() if len(numbers) > 1 for number in numbers]
