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

from app.demo import portraits
from app.extensions import db
from app.models import Photo
from app.rules.likeness import BANDS, NEAR, Look, alike, difference
from app.rules.photo_rule import load_rule
from app.services.photos.duplicates import duplicate_check
from tests.bench.common import bench_app, say, spread, timed
from tests.bench.duplicates_seed import fill, look
from tests.factories import make_campaign, make_order, make_photo, make_school
from tests.pg import Postgres
from workers.imaging.decode import Unreadable, decode
from workers.imaging.find import find
from workers.imaging.hashing import LOOKS, looks
from workers.imaging.models import Models

LABELLED = Path(__file__).resolve().parents[2].parent / "shared/data/faces"
PHOTOS = int(os.environ.get("CAIXIANG_BENCH_PHOTOS", "1000000"))
ROUNDS = 100
Rgb = np.ndarray


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


def _looks(rgb: Rgb, models: Models) -> tuple[Look, ...]:
    """As the checker sees the face: nothing where it finds none."""
    rgb = np.ascontiguousarray(rgb)
    faces = find(rgb, models)
    return looks(rgb, faces[0].points) if faces else ()


def _found(kept: Look, looked_for: tuple[Look, ...]) -> bool:
    """As the service finds it: one part whole, and few bits different."""
    return any(alike(kept, look) and any(a == b for a, b in zip(kept, look, strict=True)) for look in looked_for)


def accuracy() -> None:
    """Found copies by kind, and mistaken pairs by whose they are."""
    kinds: dict[str, list[bool]] = {}
    refused: list[str] = []
    known: list[tuple[str, tuple[Look, ...]]] = []
    with Models() as models:
        for _name, subject, rgb in _portraits():
            own = _looks(rgb, models)
            if not own:
                continue
            known.append((subject, own))
            for kind, copy in _copies(rgb):
                looked_for = _looks(copy, models)
                if looked_for:
                    kinds.setdefault(kind, []).append(_found(own[0], looked_for))
                else:
                    refused.append(kind)
    for kind, found in kinds.items():
        say(f"copies {kind}", f"{100 * np.mean(found):.2f} % of {len(found)} found")
    cut = sum("crop" in kind for kind in refused)
    say("copies without a face, refused as such", f"{len(refused)}, of them recropped {cut}")
    every = list(itertools.chain(*kinds.values()))
    say("copies of every kind", f"{100 * np.mean(every):.2f} % of {len(every)} found")
    _mistaken(known)


def _mistaken(known: list[tuple[str, tuple[Look, ...]]]) -> None:
    """Each is looked for among all others, in both directions, as a later photo would be."""
    for name, same in (("one person, other sittings", True), ("two people", False)):
        pairs = [(a, b[0]) for (s, a), (t, b) in itertools.permutations(known, 2) if (s == t) is same]
        apart = [min(difference(look, kept) for look in looked_for) for looked_for, kept in pairs]
        if apart:
            wrong, least = sum(bits <= NEAR for bits in apart), min(apart)
            say(f"{name}, mistaken", f"{wrong} of {len(apart)} pairs; nearest {least} bits apart, limit {NEAR}")


def lookup(name: str, database: str | None) -> None:
    """One database, a million photos: strangers and copies, with as many looks as the checker gives."""
    with bench_app(database):
        campaign = make_campaign(make_school())
        other = make_photo(make_order(campaign))
        mine = db.session.get_one(Photo, make_photo(make_order(campaign)).id)
        fill(other.id, PHOTOS)
        chance = np.random.default_rng(7)

        def neighbours() -> list[Look]:
            return [_mixed(chance.integers(1, PHOTOS, BANDS)) for _ in range(LOOKS - 1)]

        strangers = [(_mixed(chance.integers(1, PHOTOS, BANDS)), *neighbours()) for _ in range(ROUNDS)]
        copies = [(*neighbours(), look(int(chance.integers(1, PHOTOS)))) for _ in range(ROUNDS)]
        for kind, seen, verdict in (("nobody's", strangers, "pass"), ("a copy", copies, "warn")):
            waiting = iter(seen)

            def once(waiting: Iterator[tuple[Look, ...]] = waiting, verdict: str = verdict) -> None:
                assert duplicate_check(mine, next(waiting)).verdict.value == verdict

            say(f"{name} {PHOTOS:,}: {kind}, ms", spread(timed(once, ROUNDS)))
        db.session.rollback()


def _mixed(numbers: np.ndarray) -> Look:
    """Nobody's hash, each of whose parts somebody has."""
    return tuple(look(int(number))[band] for band, number in enumerate(numbers))


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
