"""A million photos with their hashes: in steps, without indexes, which are made at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import text

from app.extensions import db
from app.models import Photo, PhotoHash
from app.rules.likeness import BANDS, Look

BASE = 1000
_STEP = 50_000


def fill(template: int, count: int) -> None:
    """Copies of one photo numbered from BASE + 1 on, each with the hash of its number (`look`)."""
    indexes = [index for model in (Photo, PhotoHash) for index in model.__table__.indexes]  # type: ignore[attr-defined]
    connection = db.session.connection()
    if db.engine.dialect.name == "postgresql":  # foreign keys are checked row by row: not for eight million
        connection.execute(text("SET session_replication_role = replica"))
    for index in indexes:
        index.drop(connection)
    for first in range(1, count + 1, _STEP):
        last = min(count, first + _STEP - 1)
        _photos(connection, template, first, last)
        _hashes(connection, first, last)
        print(f"\r{last:,} of {count:,} photos written", end="", file=sys.stderr, flush=True)
    print("; indexes", file=sys.stderr, flush=True)
    for index in indexes:
        index.create(connection)
    db.session.commit()
    db.session.execute(text("ANALYZE"))
    db.session.commit()


def look(number: int) -> Look:
    """The hash of a photo. 17 bits of chance in 24: faces are no more random."""
    return tuple(int(part) for part in _looks(np.array([number]))[0])


def _looks(numbers: np.ndarray) -> np.ndarray:
    chance = (numbers[:, None].astype(np.int64) * 2654435761 + np.arange(BANDS) * 97) // 8 % 131072
    return np.asarray(chance * 128 + chance % 127)


def _photos(connection: Any, template: int, first: int, last: int) -> None:
    series = f"(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n+1 FROM s WHERE n < {last}) SELECT n FROM s)"
    number = "printf('%064x', s.n)"
    if connection.dialect.name == "postgresql":
        series, number = f"(SELECT n FROM generate_series({first}, {last}) AS g(n))", "lpad(to_hex(s.n), 64, '0')"
    own = {"id": f"{BASE} + s.n", "no": f"{BASE} + s.n", "original_sha256": number, "pixel_sha256": number}
    names = [column.name for column in Photo.__table__.columns]
    values = ",".join(own.get(column, f"t.{column}") for column in names)
    connection.execute(
        text(f"INSERT INTO photo ({','.join(names)}) SELECT {values} FROM {series} s, photo t WHERE t.id = {template}")
    )


def _hashes(connection: Any, first: int, last: int) -> None:
    numbers = np.arange(first, last + 1)
    rows = _rows(numbers, _looks(numbers))
    cursor = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        with cursor.copy("COPY photo_hash (photo_id, band, value) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        cursor.executemany("INSERT INTO photo_hash (photo_id, band, value) VALUES (?, ?, ?)", rows)
    cursor.close()


def _rows(numbers: np.ndarray, looks: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """In the order of the primary key."""
    for number, parts in zip((numbers + BASE).tolist(), looks.tolist(), strict=True):
        for band, part in enumerate(parts):
            yield number, band, part
