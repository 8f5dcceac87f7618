"""Which characters a receiver's encoding lacks: GBK as most school systems still use it, and GB 18030-2022.

Python's `gb18030` codec maps every code point, so it cannot tell what the standard covers. The repertoire here is the
standard's: GB 18030-2022 has 87,887 ideographs (the ranges below), Amendment 1 of 2024 adds 9,793 (extensions G, H
and I and the 40 characters with which Unicode later filled up the older blocks); private-use characters have no
meaning that a receiver knows, above all U+E863 and its neighbours, by which old input methods wrote 䶮.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

GB18030_2022 = (
    (0x4E00, 0x9FEF), (0x3400, 0x4DB5), (0x20000, 0x2A6D6), (0x2A700, 0x2B734), (0x2B740, 0x2B81D), (0x2B820, 0x2CEA1),
    (0x2CEB0, 0x2EBE0),
)  # fmt: skip
"""The unified ideographs of the standard; 12 more lie among the compatibility ideographs."""

GB18030_COMPATIBILITY = frozenset("﨎﨏﨑﨓﨔﨟﨡﨣﨤﨧﨨﨩")

AMENDMENT_1 = (
    (0x9FF0, 0x9FFF), (0x4DB6, 0x4DBF), (0x2A6D7, 0x2A6DF), (0x2B735, 0x2B739), (0x30000, 0x3134A), (0x31350, 0x323AF),
    (0x2EBF0, 0x2EE5D),
)  # fmt: skip

_IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_NO_CHARACTER = frozenset({"Cn", "Co", "Cs", "Cc"})


def lacking_gbk(text: str) -> str:
    """The characters of `text` that GBK lacks, each once, in order."""
    return _each_once(char for char in text if not _encodes(char, "gbk"))


def lacking_gb18030(text: str) -> str:
    """The characters of `text` that GB 18030-2022 with Amendment 1 lacks, each once, in order."""
    return _each_once(char for char in text if not _in_gb18030(char))


def _in_gb18030(char: str) -> bool:
    code = ord(char)
    if _within(code, _IDEOGRAPHS):
        return _within(code, GB18030_2022) or _within(code, AMENDMENT_1) or char in GB18030_COMPATIBILITY
    return unicodedata.category(char) not in _NO_CHARACTER and _encodes(char, "gb18030")


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= code <= high for low, high in ranges)


def _encodes(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _each_once(chars: Iterable[str]) -> str:
    return "".join(dict.fromkeys(chars))


def spelled(chars: str) -> str:
    """`䶮 U+4DAE`: a character with its number, for screens whose font lacks it."""
    return ", ".join(f"{char} U+{ord(char):04X}" for char in chars)
