"""File names of a batch: made from a template, safe everywhere, one for each order."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence

from app.rules.text import N_

FIELDS = ("id_no", "student_no", "name", "order_no", "school_code", "batch", "code_hash", "position")
UNIQUE = {"id_no", "student_no", "order_no", "code_hash", "position"}
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}
LONGEST = 80


def check_template(template: str) -> list[tuple[str, dict[str, str]]]:
    """What is wrong with a naming template, as message keys with their values; empty when it can be used."""
    try:
        parts = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(template)]
    except ValueError:
        return [(N_("命名模板的花括号不成对"), {})]
    found: list[tuple[str, dict[str, str]]] = []
    names = [name for name, spec, conversion in parts if name is not None]
    if any((spec or conversion) for name, spec, conversion in parts if name is not None):
        found.append((N_("命名模板不能使用格式符"), {}))
    for name in names:
        if name not in FIELDS:
            found.append((N_("命名模板中没有字段 %(name)s"), {"name": name or "{}"}))
    if not UNIQUE & set(names):
        found.append((N_("命名模板必须包含能区分每个人的字段"), {}))
    if _UNSAFE.search(re.sub(r"\{\w*\}", "", template)) or template.startswith("."):
        found.append((N_("命名模板中有文件名不能使用的字符"), {}))
    return found


def file_name(template: str, values: Mapping[str, str]) -> str:
    """One stem: what a file system refuses becomes `_`, never empty, never a path."""
    plain = {name: str(values.get(name, "")) for name in FIELDS}
    stem = safe(template.format_map(plain))
    return f"_{stem}" if stem.lower() in _RESERVED else stem


def safe(text: str) -> str:
    """A text as a part of a path: no separators, no control characters, no leading or trailing dot or space."""
    stem = _UNSAFE.sub("_", text).strip(" .")
    return stem[:LONGEST].rstrip(" .") or "_"


def collisions(stems: Sequence[str]) -> set[str]:
    """Stems that would be the same file on a system that ignores case."""
    counts = Counter(stem.casefold() for stem in stems)
    return {stem for stem in stems if counts[stem.casefold()] > 1}


def distinct(stems: Sequence[str]) -> list[str]:
    """The stems with `-2`, `-3` … behind those that would be the same file, in order."""
    names = Distinct()
    return [names.of(stem) for stem in stems]


class Distinct:
    """Gives names out, each once on a system that ignores case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}  # numbers only grow: what was taken stays taken, so nothing is tried twice

    def of(self, stem: str) -> str:
        """The stem, or with `-2`, `-3` … behind it where that would be the file of another."""
        candidate, number = stem, self._last.get(stem, 1)
        while candidate.casefold() in self._taken:
            number += 1
            candidate = f"{stem}-{number}"
        if number > 1:
            self._last[stem] = number
        self._taken.add(candidate.casefold())
        return candidate
