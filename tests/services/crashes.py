"""A process that dies between any two writes: a fuse that burns at every write, commit, hook and word with WeChat."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from app.adapters.wechatpay import Gateway
from app.extensions import db
from app.services.unit import Unit


class Crash(BaseException):
    """The process is gone; nothing of ours may catch it."""


class Fuse:
    """Counts down at every point where a process can die; `left` None is a process that lives."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self.burnt = 0
        real_answer, real_hook = Gateway._answer, Unit.after_commit

        def answer(gateway: Gateway, function: Any, **values: Any) -> Any:
            self.burn()  # before WeChat hears
            found = real_answer(gateway, function, **values)
            self.burn()  # WeChat has done it, and we do not know
            return found

        def after_commit(unit: Unit, hook: Any) -> None:
            real_hook(unit, lambda: (self.burn(), hook()))  # kept, and nothing enqueued

        monkeypatch.setattr(Gateway, "_answer", answer)
        monkeypatch.setattr(Unit, "after_commit", after_commit)
        self._engine = db.engine
        event.listen(self._engine, "before_cursor_execute", self._write)
        event.listen(self._engine, "commit", self._commit)

    def _write(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            self.burn()

    def _commit(self, _connection: Any) -> None:
        self.burn()

    def burn(self) -> None:
        """One more point passed."""
        self.burnt += 1
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Crash

    def remove(self) -> None:
        """Let the engine go."""
        event.remove(self._engine, "before_cursor_execute", self._write)
        event.remove(self._engine, "commit", self._commit)
