"""The simulator's Flask app: WeChat on one side, WeChat Pay on the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, redirect, render_template, request

from app.adapters.demo_keys import ensure
from app.simulator import bill, cashier, pay, wechat
from app.simulator.signing import Signing
from app.simulator.state import FAULTS, State


def build(keys: Path, kept: Path, shop: str) -> Flask:
    """A simulator with its keys, its state file and the shop's address for callbacks."""
    ensure(keys)
    app = Flask("app.simulator", root_path=str(Path(__file__).parent))
    app.extensions["state"], app.extensions["signing"] = State(kept), Signing(keys)
    app.config["SHOP"] = shop
    app.register_blueprint(wechat.bp)
    for room in (pay, bill, cashier):
        app.register_blueprint(room.bp)

    @app.get("/")
    def index() -> Any:
        state: State = app.extensions["state"]
        return render_template("simulator/index.html", state=state, faults=FAULTS, shop=shop)

    @app.post("/faults")
    def faults() -> Any:
        state: State = app.extensions["state"]
        wanted = request.get_json(silent=True) or request.form
        with state.lock:
            for name in FAULTS:
                if name in wanted:
                    state.faults[name] = max(0, int(wanted[name] or 0))
            if "signs_with" in wanted:
                state.signs_with_certificate = wanted["signs_with"] == "certificate"
        return redirect("/", 303)

    return app
