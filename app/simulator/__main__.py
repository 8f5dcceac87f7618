"""`python -m app.simulator`: our WeChat and WeChat Pay servers, for development. Production refuses them."""

from __future__ import annotations

import logging
from pathlib import Path

from werkzeug.serving import make_server

from app import config
from app.simulator.server import build


def main() -> None:
    """Serve on the simulator's port of this machine only."""
    instance = Path(__file__).resolve().parent.parent.parent / "instance"
    settings = config.load(instance)
    if settings["MODE"] == "production":
        raise SystemExit("the simulator is for CAIXIANG_MODE=demo")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for every request would bury what `make run` says
    app = build(Path(settings["WECHATPAY_FOLDER"]), instance / "simulator.json", settings["PUBLIC_URL"])
    make_server("127.0.0.1", settings["SIMULATOR_PORT"], app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
