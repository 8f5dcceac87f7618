"""Statements that are asked again and again: written once, without who asks and when, which are bound each time.

To write a statement and to find out that it is one known already takes SQLAlchemy several times as long as to ask it.
"""

from __future__ import annotations

from functools import lru_cache

written_once = lru_cache(maxsize=256)
"""For functions that write a statement and do nothing else: what they give depends on their arguments only."""
