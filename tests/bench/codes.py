"""make bench WHAT=codes: every decoder alone beside the cascade, and what the doctor says of what is not read.

On codes made and spoilt by ourselves, and on photographed ones where `../shared/data/qr` lies beside the project.
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pyzbar import pyzbar

from tests.bench.common import say
from tests.spoilt_codes import KINDS, Grey, spoilt
from workers.codes import doctor, reader

PHOTOGRAPHED = Path(__file__).resolve().parents[2].parent / "shared/data/qr"
COUNT = 20
ENCODINGS = ("utf-8", "shift_jis", "latin-1")
"""In which the photographed ones were written; their texts are known, not their bytes."""


def _zbar(grey: Grey) -> list[bytes]:
    return [bytes(code.data) for code in pyzbar.decode(grey, symbols=[pyzbar.ZBarSymbol.QRCODE])]


def _zbar_exact(grey: Grey) -> list[bytes]:
    return [reader.exact(data) for data in _zbar(grey)]


def _opencv(detector: Callable[[], object]) -> Callable[[Grey], list[bytes]]:
    def decode(grey: Grey) -> list[bytes]:
        try:
            found = detector().detectAndDecodeMulti(grey)[1]  # type: ignore[attr-defined]
        except (cv2.error, UnicodeDecodeError):  # its binding cannot hand out bytes that are no UTF-8
            return []
        return [text.encode() for text in found if text]

    return decode


DECODERS: dict[str, Callable[[Grey], list[bytes]]] = {
    "zxing-cpp": reader.plain,
    "pyzbar": _zbar_exact,
    "OpenCV": _opencv(cv2.QRCodeDetector),
    "OpenCV ArUco": _opencv(cv2.QRCodeDetectorAruco),
    "cascade": reader.payloads,
}


def _made() -> None:
    totals: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    spent = dict.fromkeys(DECODERS, 0.0)
    for kind in KINDS:
        read: Counter[str] = Counter()
        said: Counter[str] = Counter()
        for payload, grey in spoilt(kind, COUNT):
            for name, decode in DECODERS.items():
                start = time.perf_counter()
                found = decode(grey)
                spent[name] += time.perf_counter() - start
                read[name] += payload in found
                wrong[name] += bool(found) and payload not in found
            if payload not in reader.payloads(grey):
                said[doctor.diagnose(grey)] += 1
        totals.update(read)
        line = "  ".join(f"{name} {read[name]}" for name in DECODERS)
        say(f"{kind}, read of {COUNT}", line + ("   doctor: " + str(dict(said)) if said else ""))
    every = COUNT * len(KINDS)
    for name in DECODERS:
        ms = spent[name] * 1000 / every
        say(f"{name}, all made codes", f"{totals[name]} of {every}, wrong bytes {wrong[name]}, {ms:.1f} ms a picture")


def _photographed() -> None:
    if not PHOTOGRAPHED.exists():
        return
    rows = list(csv.DictReader((PHOTOGRAPHED / "index.csv").open()))
    hits: dict[str, set[str]] = {name: set() for name in DECODERS}
    for row in rows:
        grey = np.asarray(Image.open(PHOTOGRAPHED / row["file"]).convert("L"))
        for name, decode in DECODERS.items():
            if any(_is(data, row["expected_text"]) for data in decode(grey)):
                hits[name].add(row["file"])
    for name, files in hits.items():
        say(f"{name}, photographed", f"{len(files)} of {len(rows)}")
    together = set().union(*(files for name, files in hits.items() if name != "cascade"))
    say("single decoders together, photographed", f"{len(together)}; not by the cascade: {together - hits['cascade']}")


def _is(data: bytes, text: str) -> bool:
    def plain(value: str) -> str:
        return value.replace("\r\n", "\n").strip()

    return any(plain(data.decode(encoding, "replace")) == plain(text) for encoding in ENCODINGS)


def main() -> None:
    """Both sets."""
    _made()
    _photographed()


if __name__ == "__main__":
    main()
