"""A real PostgreSQL for tests: Debian's server in a folder of its own, on a unix socket, as user postgres when root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import psycopg

_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

# As a replica: neither foreign keys nor the triggers that keep rows from being deleted.
_EMPTY = """
SET session_replication_role = replica;
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', one.tablename);
    END LOOP;
    FOR one IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', one.sequencename);
    END LOOP;
END $$
"""


class Postgres:
    """One server for one test process."""

    def __init__(self, kept: Path | None = None) -> None:
        """A server in a folder that goes when it stops, or in `kept`, which stays."""
        self.bin, self.kept = _binaries(), kept is not None
        self.folder = kept or Path(tempfile.mkdtemp(prefix="caixiang-pg-"))
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")

    def _run(self, program: str, *args: str) -> None:
        command = [str(self.bin / program), *args]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def _runs(self) -> bool:
        try:
            self._run("pg_ctl", "-D", str(self.folder / "data"), "status")
        except subprocess.CalledProcessError:
            return False
        return True

    def start(self) -> None:
        """Make the cluster and start it without fsync: its data live as long as the tests.

        A kept one that was left running (its starter was killed) is taken over.
        """
        data, log = str(self.folder / "data"), str(self.folder / "log")
        if not (self.folder / "data" / "PG_VERSION").exists():
            locale = ("-E", "UTF8", "--locale=C.UTF-8")
            self._run("initdb", "-D", data, "-A", "trust", "-U", "postgres", *locale, "--no-sync")
        if self.kept and self._runs():
            return
        options = f"-c listen_addresses='' -c fsync=off -c max_connections=200 -k {self.folder}"
        self._run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop; a folder that is not kept goes at once."""
        mode = "fast" if self.kept else "immediate"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "stop")
        if not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, name: str = "") -> str:
        """A new, empty database; returns its name."""
        name = name or f"t{uuid.uuid4().hex[:16]}"
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return name

    def empty(self, name: str) -> None:
        """Delete every row, begin numbers anew, end what is still connected: ten times faster than cloning again."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True) as connection:
            connection.execute(_END_OTHERS)
            connection.execute(_EMPTY)

    def databases(self) -> set[str]:
        """The names of all databases."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres") as connection:
            return {str(name) for (name,) in connection.execute("SELECT datname FROM pg_database")}

    def url(self, name: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"


def _binaries() -> Path:
    """Where initdb lives. Raises RuntimeError that says what to install."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) if Path("/usr/lib/postgresql").exists() else []
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    raise RuntimeError("PostgreSQL is missing: run `make test`, or `apt-get install postgresql`")
