"""The payer's side: the cashier that stands for WeChat's payment dialog."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request

from app.simulator.pay import lapse, payable, settled
from app.simulator.protocol import state

bp = Blueprint("cashier", __name__)


@bp.get("/cashier/<number>")
def cashier(number: str) -> Any:
    trade = state().trades.get(number)
    if trade is None:
        return "没有这笔交易", 404
    return _page(trade, request.args.get("back", ""))


@bp.post("/cashier/<number>")
def pay(number: str) -> Any:
    here, back = state(), request.form.get("back", "")
    with here.lock:
        trade = here.trades.get(number)
        if trade is None:
            return "没有这笔交易", 404
        if payable(trade):
            settled(trade)
            here.save()
        elif lapse(trade)["trade_state"] != "SUCCESS":
            return _page(trade, back), 409
    return redirect(back, 303) if _ours(back) else _page(trade, back)


def _ours(back: str) -> bool:
    return back.startswith(current_app.config["SHOP"] + "/")


def _page(trade: dict[str, Any], back: str) -> str:
    back = back if _ours(back) else ""
    return render_template("simulator/cashier.html", trade=trade, payable=payable(trade), back=back)
