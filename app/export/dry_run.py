"""Everything that would go wrong with a batch, before it is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from app.export.frozen import FrozenBatch, FrozenItem
from app.export.naming import collisions
from app.rules.text import N_

SENTENCES = {
    "collision": N_("文件名相同"),
    "gbk": N_("姓名含 GBK 编码没有的字符"),
    "gb18030": N_("姓名含 GB18030 编码没有的字符"),
    "same_photo": N_("多个订单使用同一张照片"),
    "same_code": N_("多个订单使用同一个采集码"),
    "same_identity": N_("多个订单使用同一个证件号"),
    "no_code": N_("没有识别的采集码"),
    "no_class": N_("缺少班级"),
    "too_large": N_("照片超过 40 KB"),
    "too_small": N_("照片小于 20 KB"),
    "older_rule": N_("按旧版照片规则审核"),
    "no_consent": N_("学生已撤回同意"),
    "missing_file": N_("照片文件缺失"),
}


@dataclass(frozen=True)
class Problem:
    """One kind of trouble and the orders that have it."""

    kind: str
    orders: tuple[str, ...]

    @property
    def sentence(self) -> str:
        return SENTENCES[self.kind]


def problems(batch: FrozenBatch, latest_rule: str, *, no_consent: Iterable[str] = ()) -> tuple[Problem, ...]:
    """What a producer should know first, by kind; `no_consent` are order numbers whose consent was withdrawn."""
    found: dict[str, list[str]] = defaultdict(list)
    for item in batch.items:
        for kind in _own(item, latest_rule, batch.kind):
            found[kind].append(item.order_number)
    same = collisions([item.file_name for item in batch.items])
    found["collision"] = [item.order_number for item in batch.items if item.file_name in same]
    found["same_photo"] = _shared(batch, lambda item: item.rendition_sha256)
    found["same_code"] = _shared(batch, lambda item: item.code_payload)
    found["same_identity"] = _shared(batch, lambda item: item.id_no)
    found["no_consent"] = sorted(no_consent)
    return tuple(Problem(kind, tuple(found[kind])) for kind in SENTENCES if found.get(kind))


def _own(item: FrozenItem, latest_rule: str, kind: str) -> Iterable[str]:
    for encoding in ("gbk", "gb18030"):
        try:
            f"{item.name}{item.college}{item.class_name}".encode(encoding)
        except UnicodeEncodeError:
            yield encoding
    if not item.class_name:
        yield "no_class"
    if kind == "chsi" and item.code_payload is None:
        yield "no_code"
    if item.rendition_bytes > 40 * 1024:
        yield "too_large"
    elif item.rendition_bytes < 20 * 1024:
        yield "too_small"
    if item.rule != latest_rule:
        yield "older_rule"


def _shared(batch: FrozenBatch, key) -> list[str]:  # type: ignore[no-untyped-def]
    by: dict[str, list[str]] = defaultdict(list)
    for item in batch.items:
        if key(item):
            by[key(item)].append(item.order_number)
    return [number for numbers in by.values() if len(numbers) > 1 for number in numbers]
