"""How the simulator speaks: who may ask, how answers are signed, which faults bend them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import wraps
from typing import Any

from flask import Response, current_app, request

from app.simulator.signing import Signing
from app.simulator.state import State


def state() -> State:
    """What this simulator knows."""
    found: State = current_app.extensions["state"]
    return found


def signing() -> Signing:
    """This simulator's keys."""
    found: Signing = current_app.extensions["signing"]
    return found


def beijing_time(moment: float | None = None) -> str:
    """RFC 3339 with the Beijing zone, as WeChat writes times."""
    moment = time.time() if moment is None else moment
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(moment + 8 * 3600))


def answer(body: Mapping[str, Any] | None, status: int = 200) -> Response:
    """A signed answer, by the public key when the merchant names it, else by the certificate."""
    data = json.dumps(body).encode() if body is not None else b""
    response = Response(data, status=status, content_type="application/json; charset=utf-8")
    with_key = request.headers.get("Wechatpay-Serial", "") == signing().key_id
    response.headers.update(signing().headers(data, certificate=not with_key))
    return response


def refused(code: str, status: int) -> Response:
    """An error as WeChat words it."""
    return answer({"code": code, "message": code}, status)


def merchant_only(view: Any) -> Any:
    """Check the request's signature, and play the faults that concern answers."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        here = state()
        if here.take_fault("timeout"):
            time.sleep(here.silence_seconds)
            return Response("gateway time-out", 504)
        if here.take_fault("server_error"):
            return Response("bad gateway", 502)
        if here.take_fault("system_error"):
            return refused("SYSTEM_ERROR", 500)
        path = request.full_path if request.query_string else request.path
        authorization = request.headers.get("Authorization", "")
        if not signing().merchant_signed(request.method, path, authorization, request.get_data()):
            return refused("SIGN_ERROR", 401)
        with here.lock:
            response = view(*args, **kwargs)
            here.save()
        if here.take_fault("unanswered"):
            time.sleep(here.silence_seconds)
        return Response("bad gateway", 502) if here.take_fault("server_error_done") else response

    return checked
