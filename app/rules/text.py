"""Marks Chinese texts in pure code for the catalogue; pages translate them when they show them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


def N_(text: str) -> str:
    """The text itself; `make catalogues` finds it by this name."""
    return text


@dataclass(frozen=True)
class Named:
    """What staff call something in each language, for a place in a sentence; Chinese where there is no English name."""

    zh: str
    en: str = ""

    def __str__(self) -> str:
        return self.zh


def visible(text: str) -> str:
    """The text without control and format characters: pasted tables carry some that nobody sees (U+200B, U+202E)."""
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf"))
