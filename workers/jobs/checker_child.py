"""The one checker child of this worker process, started on first use."""

from __future__ import annotations

import atexit

from workers.checker import Checker

_child: Checker | None = None


def checker() -> Checker:
    """This process's checker child; the keeper restarts it when it hangs, crashes or grows."""
    global _child
    if _child is None:
        _child = Checker().__enter__()
        atexit.register(_child.__exit__, None, None, None)
    return _child
