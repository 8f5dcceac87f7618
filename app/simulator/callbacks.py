"""The simulator's callbacks: sealed, signed, repeated until they are taken, and bent on demand."""

from __future__ import annotations

import threading
from typing import Any

import requests

from app.simulator.protocol import signing, state
from app.simulator.signing import Signing
from app.simulator.state import State

RETRIES = (0.0, 2.0, 5.0, 15.0)
"""Seconds before each attempt; the real ones go on for a day (15 s, 15 s, 30 s, 3 min … 6 h)."""

HOLD_SECONDS = 15.0


def call_back(url: str, event_type: str, resource: dict[str, Any]) -> None:
    """Send one notice in the background, bent by the faults that are asked for."""
    here, keys = state(), signing()
    if here.take_fault("lost"):
        return
    body = keys.sealed(event_type, resource)
    if here.take_fault("reordered"):
        here.held.append((url, body))
        threading.Timer(HOLD_SECONDS, _let_go, (here, keys)).start()
        return
    late = 5.0 if here.take_fault("late") else 0.0
    copies = 3 if here.take_fault("duplicate") else 1
    probe = here.take_fault("tampered")
    for copy in range(copies):
        _in_background(here, keys, url, body, late + 0.01 * copy, probe)
    _let_go(here, keys, 0.5)


def _let_go(here: State, keys: Signing, wait: float = 0.0) -> None:
    """Send what was held back."""
    with here.lock:
        held, here.held = here.held, []
    for url, body in held:
        _in_background(here, keys, url, body, wait, False)


def _in_background(here: State, keys: Signing, url: str, body: bytes, wait: float, probe: bool) -> None:
    threading.Thread(target=_send, args=(here, keys, url, body, wait, probe), daemon=True).start()


def _send(here: State, keys: Signing, url: str, body: bytes, late: float, probe: bool) -> None:
    here.ended.wait(late)
    for wait in RETRIES:
        if here.ended.wait(wait):
            return
        headers = keys.headers(body, probe=probe, certificate=here.signs_with_certificate)
        probe = False
        try:
            answer = requests.post(url, data=body, headers=headers | {"Content-Type": "application/json"}, timeout=5)
        except requests.RequestException:
            continue
        if answer.status_code in (200, 204):
            return
