"""make bench WHAT=duplicates: copies found, other sittings mistaken, and a look-up among a million photos.

Portraits are those of `../shared/data` where they lie beside the project, counted by subject; else drawn ones.
"""

from __future__ import annotations

import csv
import io
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from sqlalchemy import text

from app.demo import portraits
from app.extensions import db
from app.models import Photo
from app.rules.likeness import BANDS, NEAR, alike, difference
from app.rules.photo_rule import load_rule
from app.services.duplicates import duplicate_check
from tests.bench.common import bench_app, say, spread, timed
from tests.factories import make_campaign, make_order, make_photo, make_school
from tests.pg import Postgres
from workers.imaging.decode import Unreadable, decode
from workers.imaging.hashing import bands
from workers.imaging.models import Models

LABELLED = Path(__file__).resolve().parents[2].parent / "shared/data/faces"
PHOTOS = int(os.environ.get("CAIXIANG_BENCH_PHOTOS", "1000000"))
ROUNDS = 100
Rgb = np.ndarray
Hash = tuple[int, ...]


def _portraits() -> Iterator[tuple[str, str, Rgb]]:
    """Name, subject and pixels."""
    rule = load_rule("chsi-2017")
    if not LABELLED.exists():
        for seed in range(30):
            yield str(seed), str(seed), np.asarray(portraits.portrait(seed, (600, 800)))
        return
    for row in csv.DictReader((LABELLED / "index.csv").open()):
        try:
            yield row["file"], row["subject"] or row["file"], decode(LABELLED / row["file"], rule).small
        except Unreadable:
            continue


def _copies(rgb: Rgb) -> Iterator[tuple[str, Rgb]]:
    chance = np.random.default_rng(2017)
    height, width = rgb.shape[:2]
    yield "re-encoded at 50", _saved(rgb, 50)
    yield "half as large", _saved(cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 85)
    yield "larger by 60 %", _saved(cv2.resize(rgb, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC), 85)
    for _ in range(3):
        left, top = (chance.uniform(0, 0.1, 2) * (width, height)).astype(int)
        yield "recropped by 10 %", _saved(rgb[top : top + height * 9 // 10, left : left + width * 9 // 10], 88)
    for light in (0.9, 1.1):
        yield f"light x {light}", _saved((rgb * light).clip(0, 255).astype(np.uint8), 85)


def _saved(rgb: Rgb, quality: int) -> Rgb:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def _hash(rgb: Rgb, models: Models) -> Hash:
    faces = models.faces(np.ascontiguousarray(rgb))
    return bands(rgb, faces[0].points) if faces else ()


def _found(one: Hash, other: Hash) -> bool:
    """As the service finds it: one part whole, and few bits different."""
    return bool(other) and any(a == b for a, b in zip(one, other, strict=True)) and alike(one, other)


def accuracy() -> None:
    """Found copies by kind, and mistaken pairs by whose they are."""
    kinds: dict[str, list[bool]] = {}
    known: list[tuple[str, Hash]] = []
    with Models() as models:
        for _name, subject, rgb in _portraits():
            one = _hash(rgb, models)
            if not one:
                continue
            known.append((subject, one))
            for kind, copy in _copies(rgb):
                kinds.setdefault(kind, []).append(_found(one, _hash(copy, models)))
    for kind, found in kinds.items():
        say(f"copies {kind}", f"{100 * np.mean(found):.2f} % of {len(found)} found")
    every = list(itertools.chain(*kinds.values()))
    say("copies of every kind", f"{100 * np.mean(every):.2f} % of {len(every)} found")
    _mistaken(known)


def _mistaken(known: list[tuple[str, Hash]]) -> None:
    for name, same in (("one person, other sittings", True), ("two people", False)):
        apart = [difference(a, b) for (s, a), (t, b) in itertools.combinations(known, 2) if (s == t) is same]
        if apart:
            wrong, least = sum(bits <= NEAR for bits in apart), min(apart)
            say(f"{name}, mistaken", f"{wrong} of {len(apart)} pairs; nearest {least} bits apart, limit {NEAR}")


def lookup(name: str, database: str | None) -> None:
    """One database."""
    with bench_app(database):
        campaign = make_campaign(make_school())
        other = make_photo(make_order(campaign))
        mine = db.session.get_one(Photo, make_photo(make_order(campaign)).id)
        _seed(other.id)
        chance = np.random.default_rng(7)
        strangers = [_values(chance.integers(1, PHOTOS, BANDS)) for _ in range(ROUNDS)]
        copies = [_values(np.full(BANDS, chance.integers(1, PHOTOS))) for _ in range(ROUNDS)]
        for kind, hashes, verdict in (("nobody's", strangers, "pass"), ("a copy", copies, "warn")):
            waiting = iter(hashes)

            def once(waiting: Iterator[Hash] = waiting, verdict: str = verdict) -> None:
                assert duplicate_check(mine, next(waiting)).verdict.value == verdict

            say(f"{name} {PHOTOS:,}: {kind}, ms", spread(timed(once, ROUNDS)))
        db.session.rollback()


def _values(numbers: np.ndarray) -> Hash:
    """The parts that `_seed` gives to photos of these numbers. 17 bits of chance in 24: faces are no more random."""
    chance = [(int(n) * 2654435761 + band * 97) // 8 % 131072 for band, n in enumerate(numbers)]
    return tuple(value * 128 + value % 127 for value in chance)


def _seed(template: int) -> None:
    series = f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < {PHOTOS}) SELECT n FROM s)"
    number = "printf('%064x', s.n)"
    if db.engine.dialect.name == "postgresql":
        series, number = f"(SELECT n FROM generate_series(1, {PHOTOS}) AS g(n))", "lpad(to_hex(s.n), 64, '0')"
    own: dict[str, str] = {"id": "1000 + s.n", "no": "1000 + s.n", "original_sha256": number, "pixel_sha256": number}
    names = [column.name for column in Photo.__table__.columns]
    values = ",".join(own.get(column, f"t.{column}") for column in names)
    db.session.execute(
        text(f"INSERT INTO photo ({','.join(names)}) SELECT {values} FROM {series} s, photo t WHERE t.id = {template}")
    )
    for band in range(BANDS):
        chance = f"((CAST(s.n AS BIGINT) * 2654435761 + {band * 97}) / 8 % 131072)"
        value = f"{chance} * 128 + {chance} % 127"
        rows = f"SELECT 1000 + s.n, {band}, {value} FROM {series} s ORDER BY 3"
        db.session.execute(text(f"INSERT INTO photo_hash (photo_id, band, value) {rows}"))
    db.session.commit()
    db.session.execute(text("ANALYZE"))
    db.session.commit()


def main() -> None:
    """Accuracy, then both databases."""
    accuracy()
    lookup("sqlite", None)
    server = Postgres()
    server.start()
    try:
        lookup("postgresql", server.url(server.create()))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
