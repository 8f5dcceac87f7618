"""Measures the typical face that the perceptual hash compares with: `python -m scripts.typical_face FOLDER...`.

Portraits of many different people, one a person at best. Every hash kept so far is worthless after a change.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from app.rules.photo_rule import load_rule
from workers.imaging import hashing
from workers.imaging.decode import Unreadable, decode
from workers.imaging.models import Models


def main(folders: list[str]) -> int:
    """Write the median strength (in thousandths) of each frequency over all pictures with a face."""
    rule, found = load_rule("chsi-2017"), []
    with Models() as models:
        for path in sorted(path for folder in folders for path in Path(folder).rglob("*.jpg")):
            try:
                small = decode(path, rule).small
            except Unreadable:
                continue
            faces = models.faces(small)
            if faces:
                found.append(hashing.waves(small, faces[0].points))
    typical = [round(1000 * float(value)) for value in np.median(found, axis=0)]
    hashing.TYPICAL.write_text(json.dumps(typical) + "\n")
    print(f"{len(found)} faces -> {hashing.TYPICAL}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
